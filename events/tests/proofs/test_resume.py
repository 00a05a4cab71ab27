"""Whoever is cut off comes back, here or on another node, and has missed nothing; or is told exactly what."""

import asyncio
import random
from contextlib import suppress
from itertools import pairwise

import pytest

from benchmarks.listeners import CHANNEL, Follower, until
from events.tests.proofs.audience import Audience, size
from tests.live_events import NODES, LiveEvents

pytestmark = [pytest.mark.xdist_group("events"), pytest.mark.slow]

FOLLOWERS = size(60, 500)
SECONDS = size(8, 60)
RATE = 200
REPLAYED = 1000
SCANNED = 10_000


async def wander(site: LiveEvents, follower: Follower, chance: random.Random, over: asyncio.Event) -> None:
    """Be cut off again and again; come back to any node, and try another where one is too slow to answer."""
    while not await happens(over, within=chance.expovariate(1 / 2)):
        connected = False
        while not connected:
            follower.cut()
            await asyncio.sleep(chance.random())
            with suppress(OSError, TimeoutError):
                await follower.connect(site.ports[chance.choice(list(NODES))])
                connected = True


async def happens(event: asyncio.Event, *, within: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            await event.wait()
    return event.is_set()


async def arrive(followers: list[Follower], site: LiveEvents) -> None:
    nodes = [site.ports[name] for name in NODES]
    for start in range(0, len(followers), 25):
        some = followers[start : start + 25]
        await asyncio.gather(*[each.connect(nodes[number % len(nodes)]) for number, each in enumerate(some)])


@pytest.mark.parametrize("remember", [True, False], ids=["resumed", "from-now"])
async def test_clients_cut_off_at_random__have_every_number_once(site: LiveEvents, *, remember: bool) -> None:
    """The control: those who come back without saying where they were miss something."""
    chance = random.Random(6)
    followers = [Follower(site.staff_token, remembers=remember) for _ in range(FOLLOWERS)]
    await arrive(followers, site)
    last = site.standing()[1]
    count = RATE * SECONDS

    over = asyncio.Event()
    wandering = asyncio.gather(*[wander(site, each, chance, over) for each in followers])
    await asyncio.to_thread(site.tell, count, rate=RATE, each=5)
    over.set()
    await wandering
    await asyncio.to_thread(site.tell, 1)
    await until(lambda: all(each.ids and each.ids[-1] == last + count + 1 for each in followers), 30)

    whole = [each.ids.tolist() == list(range(last + 1, last + count + 2)) for each in followers]
    for follower in followers:
        follower.cut()
    await asyncio.sleep(0.1)
    if remember:
        assert all(whole)
        assert not [gap for each in followers for gap in each.gaps]
    else:
        assert sum(whole) < FOLLOWERS / 2
        assert all(earlier < later for each in followers for earlier, later in pairwise(each.ids))


async def test_more_than_a_replay_holds__is_one_gap_with_its_bounds(
    site: LiveEvents, audience: Audience, node: str
) -> None:
    [first] = await audience.sockets(node, 1)
    await asyncio.to_thread(site.tell, REPLAYED + 1)
    await until(lambda: len(first.ids) == REPLAYED + 1, 30)
    epoch, last, _ = site.standing()

    fits, exceeds = [
        await audience.resumed(node, since=last - missed, epoch=epoch) for missed in (REPLAYED, REPLAYED + 1)
    ]
    await until(lambda: len(fits.ids) == REPLAYED and bool(exceeds.told("gap")), 30)
    await asyncio.to_thread(site.tell, 1)
    await until(lambda: all(each.ids and each.ids[-1] == last + 1 for each in (fits, exceeds)), 30)

    assert fits.ids.tolist() == list(range(last - REPLAYED + 1, last + 2))
    assert fits.told("gap") == []
    assert exceeds.ids.tolist() == [last + 1]
    [gap] = exceeds.told("gap")
    assert (gap["reason"], gap["from"], gap["to"]) == ("limit", last - REPLAYED - 1, last)


async def test_client_that_nothing_was_for__resumes_where_its_pings_were(
    site: LiveEvents, audience: Audience, node: str
) -> None:
    _, token = site.customers[0]
    [idle] = await audience.sockets(node, 1, token=token)
    [standing] = idle.told("subscribed")
    count = size(SCANNED + 1, 3 * SCANNED)
    await asyncio.to_thread(site.tell, count)
    last = await asyncio.to_thread(site.settle)
    await until(lambda: (pings := idle.told("ping")) != [] and pings[-1]["pos"][CHANNEL] >= last, 30)

    outcomes = {}
    for since in (idle.told("ping")[-1]["pos"][CHANNEL], standing["id"]):
        listener = await audience.resumed(node, token=token, since=since, epoch=standing["epoch"])
        outcomes[since] = listener.told("subscribed")[0]["recovered"]

    assert idle.ids.tolist() == []
    assert outcomes == {last: True, standing["id"]: False}  # the control: without pings it would have been too much
