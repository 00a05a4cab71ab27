"""Redis comes back whole, empty, or with yesterday's data: clients get every event, once and in order."""

import asyncio

import pytest

from benchmarks.listeners import Listener, until
from events.tests.proofs.audience import Audience, all_hear, size
from tests.live_events import CHANNEL, NODES, LiveEvents, Loss

pytestmark = [pytest.mark.xdist_group("events"), pytest.mark.slow]

COUNT = size(3_000, 10_000)


async def everywhere(audience: Audience) -> list[Listener]:
    """Sockets and streams on both servers."""
    return [
        listener for node in NODES for listener in [*await audience.sockets(node, 2), *await audience.streams(node, 1)]
    ]


@pytest.mark.parametrize("loss", ["restart", "kill", "snapshot", "flush"])
async def test_redis_lost_in_the_middle__costs_no_client_an_event(
    site: LiveEvents, audience: Audience, loss: Loss
) -> None:
    listeners = await everywhere(audience)
    epoch, last, _ = site.standing()
    await asyncio.to_thread(site.keep_snapshot)

    telling = asyncio.create_task(asyncio.to_thread(site.tell, COUNT, each=20))
    await until(lambda: all(len(each.ids) > COUNT // 4 for each in listeners), 60)
    await asyncio.to_thread(site.lose, loss)
    await telling

    await all_hear(listeners, last + 1, last + COUNT)
    assert site.standing()[0] == epoch


async def test_database_restored__is_one_gap_of_its_own_kind(site: LiveEvents, audience: Audience) -> None:
    listeners = await everywhere(audience)
    epoch, last, _ = site.standing()
    await asyncio.to_thread(site.tell, 20)
    await all_hear(listeners, last + 1, last + 20)

    await asyncio.to_thread(go_back, site, last + 5)
    await until(lambda: all(each.told("gap") for each in listeners), 30)
    await asyncio.to_thread(site.tell, 3)
    await until(lambda: all(len(each.ids) >= 23 for each in listeners), 30)

    gaps = [[(gap["reason"], gap["from"], gap["to"]) for gap in each.told("gap")] for each in listeners]
    assert gaps == [[("epoch", last + 20, last + 5)]] * len(listeners)
    assert all(each.ids[-3:].tolist() == [last + 6, last + 7, last + 8] for each in listeners)
    assert site.standing()[0] != epoch


def go_back(site: LiveEvents, seq: int) -> None:
    """The database is as it was when that number was the last."""
    site.sql("DELETE FROM events_outboxevent WHERE channel = %s AND seq > %s", CHANNEL, seq)
    site.sql("UPDATE events_outboxchannel SET last_seq = %s, published_seq = %s WHERE channel = %s", seq, seq, CHANNEL)


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "from-the-end"])
async def test_node_that_slept_through_the_loss__needs_to_know_where_it_was(
    site: LiveEvents, audience: Audience, *, guarded: bool
) -> None:
    """The control: a node that begins at the end again, as readers of `$` do, loses what was told meanwhile."""
    application = "coupon_site.asgi" if guarded else "events.tests.proofs.begins_at_the_end"
    with site.beside("sleeper", NODES["uvicorn"].replace("coupon_site.asgi", application)):
        [listener] = await audience.sockets("sleeper", 1)
        last = site.standing()[1]
        with site.stopped("sleeper"):
            for count in (1, 50):  # the first answers the read that is waiting
                await asyncio.to_thread(site.tell, count)
                await asyncio.to_thread(site.settle)
            await asyncio.to_thread(site.lose, "kill")
            await asyncio.to_thread(site.put_back)
        # Until then the control may begin at the end once more.
        await until(lambda: [status["state"] for status in listener.told("status")][-1:] == ["ok"], 30)
        await asyncio.to_thread(site.tell, 1)
        await until(lambda: bool(listener.ids) and listener.ids[-1] == last + 52, 30)

        missed = [] if guarded else list(range(last + 2, last + 52))
        assert sorted(set(range(last + 1, last + 53)) - set(listener.ids)) == missed
        listener.cut()
        await listener.closed
