"""Fixtures of tests over the running site."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.live import LiveSite


@pytest.fixture(scope="session")
def live_site() -> Iterator[LiveSite]:
    """The running site, shared by the tests of the group `live`."""
    with TemporaryDirectory(prefix="live-") as name:
        Path(name).chmod(0o755)
        site = LiveSite(Path(name), THROTTLE_USER="1000000/min", THROTTLE_ANON="1000000/min")
        try:
            site.prepare()
            site.start()
            yield site
        finally:
            site.stop()
