"""Long silence: no reader of Redis is thrown out by a time-out of its own library, whichever version it is."""

import asyncio
import os
import subprocess
import sys
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
OLDER = "redis==7.1.0"


@pytest.fixture(scope="module")
def older() -> Path | None:
    """An older library in a folder of its own. CI makes it; a laptop without goes on without."""
    home = Path(os.environ.get("OLDER_REDIS_PY", ROOT / "var" / "redis-py-7"))
    if not home.is_dir() and os.environ.get("CI") == "true":
        install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(home), OLDER]
        subprocess.run(install, check=True)
    return home if home.is_dir() else None


@pytest.fixture(scope="module")
def nodes(site: LiveEvents, older: Path | None) -> Iterator[list[str]]:
    """Both servers as they are, one without the option, and where it is at hand one with the older library."""
    careless = NODES["uvicorn"].replace("coupon_site.asgi", "events.tests.proofs.gives_up_early")
    with ExitStack() as stack:
        stack.enter_context(site.beside("careless", careless))
        if older:
            stack.enter_context(site.beside("older", NODES["uvicorn"], PYTHONPATH=older))
        yield [*NODES, "careless", *(["older"] if older else [])]


async def test_silence__disconnects_nobody(site: LiveEvents, audience: Audience, nodes: list[str]) -> None:
    listeners = {name: (await audience.sockets(name, 1))[0] for name in nodes}
    last = site.standing()[1]

    await asyncio.sleep(SILENCE_SECONDS)
    await asyncio.to_thread(site.tell, 1)
    await until(lambda: all(each.ids.tolist() == [last + 1] for each in listeners.values()), 60)

    degraded = {name: bool(listener.told("status")) for name, listener in listeners.items()}
    assert degraded.pop("careless")  # the control: the library's own time-out would have been seen
    assert not any(degraded.values())


def test_older_library__is_another_one(older: Path | None) -> None:
    if older is None:
        pytest.skip(f"pip install --no-deps --target var/redis-py-7 {OLDER}")
    ask = [sys.executable, "-c", "import redis; print(redis.__version__)"]
    said = subprocess.run(ask, env={**os.environ, "PYTHONPATH": str(older)}, capture_output=True, text=True, check=True)

    assert said.stdout.strip() == OLDER.partition("==")[2] != redis.__version__
