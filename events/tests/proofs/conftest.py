import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from events.tests.proofs.audience import Audience
from tests.live_events import NODES, LiveEvents


@pytest.fixture(scope="session")
def site() -> Iterator[LiveEvents]:
    """One for all proofs of the group `events`: whoever breaks something puts it back."""
    with TemporaryDirectory(prefix="events-") as name:
        Path(name).chmod(0o755)
        site = LiveEvents(Path(name))
        try:
            site.prepare()
            site.start("relay", *NODES)
            yield site
        finally:
            site.stop()


@pytest.fixture
async def audience(site: LiveEvents) -> AsyncIterator[Audience]:
    """Nobody stays behind when the test is over."""
    audience = Audience(site)
    yield audience
    await audience.leave()
    await asyncio.sleep(0)


@pytest.fixture(params=list(NODES))
def node(request: pytest.FixtureRequest) -> str:
    """Once for each server."""
    return str(request.param)
