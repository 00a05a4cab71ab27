"""What is lost is loaded again, before what came after it."""

import pytest

from tests.live_client.frames import KNOWN, ORDERS, event, go_live, subscribed
from tests.live_client.tab import Tab

pytestmark = pytest.mark.xdist_group("live_client")

GAP = {"type": "gap", "channel": ORDERS, "epoch": "k9", "from": 41, "to": 90, "reason": "epoch", "refetch": True}


def test_gap__is_repaired_before_what_came_after_it(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN, refetches=True)

    go_live(tab, subscribed(90, recovered=False, epoch="k9"), GAP, event(91))
    assert tab.ids() == []
    tab.loaded()

    assert [need["reason"] for (need,) in tab.refetches()] == ["epoch"]
    assert [(gap["from"], gap["to"]) for gap in tab.log("gap")] == [(41, 90)]
    assert tab.ids() == [91]
    assert tab.page.evaluate("client.positions") == {ORDERS: {"epoch": "k9", "id": 91}}


def test_state_that_cannot_be_loaded__is_asked_for_again_and_events_wait(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN, refetches=True)
    go_live(tab, subscribed(90, recovered=False), GAP, event(91))

    tab.loaded(ok=False)
    tab.wait(0.5)
    assert (len(tab.refetches()), tab.ids()) == (2, [])
    tab.say(event(92))
    tab.loaded()

    assert tab.ids() == [91, 92]


def test_channel_without_a_position__is_followed_first_and_loaded_then(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], refetches=True)

    said = go_live(tab, subscribed(7, recovered=False), event(8))
    assert tab.ids() == []
    tab.loaded()

    assert said[0] == {"type": "subscribe", "channel": ORDERS, "ref": ORDERS}
    assert tab.refetches() == [[{"channel": ORDERS, "reason": "start"}]]
    assert tab.ids() == [8]


def test_more_events_than_can_wait__are_left_to_another_load(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN, refetches=True)
    go_live(tab, subscribed(90, recovered=False), GAP)

    tab.say(*[event(91 + number) for number in range(5001)])
    tab.loaded()
    assert tab.ids() == []
    tab.say(event(9000))
    tab.loaded()

    assert [need["reason"] for needs in tab.refetches() for need in needs] == ["epoch", "limit"]
    assert tab.ids() == [9000]


def test_load_that_failed__is_tried_again_when_the_connection_is_back(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN, refetches=True)
    go_live(tab, subscribed(90, recovered=False), GAP)
    for seconds in (0.5, 1, 2, 4):
        tab.loaded(ok=False)
        tab.wait(seconds)
    tab.loaded(ok=False)
    tab.end()
    tab.wait(0.5)
    assert len(tab.refetches()) == 5

    go_live(tab, subscribed(90))

    assert len(tab.refetches()) == 6
