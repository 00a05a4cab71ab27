"""Long silence: no reader of Redis is thrown out by a time-out of its own library, whichever version it is."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from benchmarks.listeners import until
from events.tests.proofs.audience import Audience, size
from tests.live import ROOT
from tests.live_events import NODES, LiveEvents

pytestmark = [pytest.mark.xdist_group("events"), pytest.mark.slow]

SILENCE_SECONDS = size(8, 20)  # redis-py 8 gives up after 5 s unless it is told otherwise
OTHER_REDIS_PY = Path(os.environ.get("OTHER_REDIS_PY", ROOT / "var" / "redis-py-7"))


@pytest.fixture(scope="module")
def nodes(site: LiveEvents) -> Iterator[dict[str, int]]:
    """Both servers as they are, one without the option, and where it is at hand one with an older library."""
    uvicorn = NODES["uvicorn"]
    with ExitStack() as stack:
        stack.enter_context(
            site.beside("careless", uvicorn.replace("coupon_site.asgi", "events.tests.proofs.gives_up_early"))
        )
        names = [*NODES, "careless"]
        if OTHER_REDIS_PY.is_dir():
            stack.enter_context(site.beside("older", uvicorn, PYTHONPATH=OTHER_REDIS_PY))
            names.append("older")
        yield {name: site.ports[name] for name in names}


async def test_silence__disconnects_nobody(site: LiveEvents, audience: Audience, nodes: dict[str, int]) -> None:
    listeners = {name: (await audience.sockets(name, 1))[0] for name in nodes}
    last = site.standing()[1]

    await asyncio.sleep(SILENCE_SECONDS)
    await asyncio.to_thread(site.tell, 1)
    await until(lambda: all(each.ids.tolist() == [last + 1] for each in listeners.values()), 10)

    degraded = {name: bool(listener.told("status")) for name, listener in listeners.items()}
    assert degraded.pop("careless")  # the control: the library's own time-out would have been seen
    assert not any(degraded.values())


def test_older_library__is_another_one() -> None:
    if not OTHER_REDIS_PY.is_dir():
        pytest.skip(f"pip install --target {OTHER_REDIS_PY} 'redis<8'")
    version = next(OTHER_REDIS_PY.glob("redis-*.dist-info")).name.split("-")[1]

    assert int(version.split(".")[0]) < 8 <= int(redis.__version__.split(".")[0])
