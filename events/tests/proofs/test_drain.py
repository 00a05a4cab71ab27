"""A server that is told to go sends its clients away in groups; what happens meanwhile reaches them elsewhere."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.listeners import Follower, until
from events.tests.proofs.audience import size
from tests.live_events import NODES, LiveEvents

pytestmark = [pytest.mark.xdist_group("events"), pytest.mark.slow]

CLIENTS = size(200, 1000)
DRAIN_SECONDS = size(4, 30)
SPREAD_SECONDS = size(3, 10)
RATE = 100


@contextmanager
def leaving(site: LiveEvents, server: str, *, seconds: int = DRAIN_SECONDS) -> Iterator[str]:
    """A node that is about to be stopped."""
    with site.beside("leaving", NODES[server], REALTIME_DRAIN_SECONDS=seconds):
        yield "leaving"


async def move(site: LiveEvents, follower: Follower) -> tuple[float, str]:
    """Do as one is told: when this client was to come back, and by which word it was sent away."""
    old = follower.listener
    assert old is not None
    await until(lambda: bool(old.told("draining")) or old.closed.done(), DRAIN_SECONDS + 60)
    word = "draining" if old.told("draining") else str(old.closed.result())
    at = old.told("draining")[0]["reconnect_in_ms"] / 1000 if word == "draining" else 0.0
    await asyncio.sleep(at)
    follower.cut()
    await follower.connect(site.ports["uvicorn"])
    return at, word


async def test_sigterm__sends_everyone_away_in_turn_and_loses_nothing(site: LiveEvents, node: str) -> None:
    followers = [Follower(site.staff_token) for _ in range(CLIENTS)]
    with leaving(site, node) as name:
        for start in range(0, CLIENTS, 25):
            await asyncio.gather(*[each.connect(site.ports[name]) for each in followers[start : start + 25]])
        last = site.standing()[1]
        count = RATE * (DRAIN_SECONDS + 2)

        telling = asyncio.create_task(asyncio.to_thread(site.tell, count, rate=RATE, each=2))
        await asyncio.sleep(0.5)
        site.processes[name].send_signal(signal.SIGTERM)
        moved = await asyncio.gather(*[move(site, each) for each in followers])
        await telling
        await until(lambda: all(each.ids and each.ids[-1] >= last + count for each in followers), 60)
        code = await asyncio.to_thread(site.processes[name].wait, DRAIN_SECONDS + 20)

    gaps = [gap for each in followers for gap in each.gaps]
    for follower in followers:
        follower.cut()
    await asyncio.sleep(0.1)
    times = [at for at, _ in moved]
    assert Counter(word for _, word in moved) <= Counter(draining=CLIENTS) | Counter({"1012": CLIENTS})
    assert max(times) - min(times) >= SPREAD_SECONDS
    assert max(Counter(int(10 * at / DRAIN_SECONDS) for at in times).values()) < CLIENTS / 3
    assert all(each.ids.tolist() == list(range(last + 1, last + count + 1)) for each in followers)
    assert not gaps
    assert code in {0, -signal.SIGTERM, 143}


async def test_without_time_to_drain__everyone_comes_back_at_once(site: LiveEvents) -> None:
    """The control: were clients slow to come back anyway, the spread above would prove nothing."""
    followers = [Follower(site.staff_token) for _ in range(50)]
    with leaving(site, "uvicorn", seconds=0) as name:
        await asyncio.gather(*[each.connect(site.ports[name]) for each in followers])
        site.processes[name].send_signal(signal.SIGTERM)
        moved = await asyncio.gather(*[move(site, each) for each in followers])
    for follower in followers:
        follower.cut()
    await asyncio.sleep(0.1)

    times = [at for at, _ in moved]
    assert max(times) - min(times) < SPREAD_SECONDS / 2
