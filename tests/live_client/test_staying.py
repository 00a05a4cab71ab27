"""The client of events on an open connection, and in a page that is hidden, frozen, asleep or off the network."""

import pytest

from tests.live_client.frames import KNOWN, ORDERS, READY, event, go_live, subscribed
from tests.live_client.tab import Tab

pytestmark = pytest.mark.xdist_group("live_client")


def test_pings__move_a_client_whose_channel_has_nothing_for_it(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN)
    go_live(tab, subscribed(41))

    tab.say({"type": "ping", "pos": {ORDERS: 900}}, {"type": "ping", "pos": {ORDERS: 950}})

    assert tab.said() == [{"type": "pong", "pos": {ORDERS: 41}}, {"type": "pong", "pos": {ORDERS: 900}}]
    tab.end(1006)
    tab.wait(0.5)
    assert tab.open()[0]["since"] == 900


@pytest.mark.parametrize("first", ["subscribed", "ping"])
def test_events_that_a_ping_has_overtaken__are_taken(tab: Tab, first: str) -> None:
    """In a replay, or while the server hands a batch to many: the number of a ping is where the server stands."""
    tab.begin(channels=[ORDERS], positions=KNOWN)
    tab.open()
    frames = [subscribed(50, replayed=1), {"type": "ping", "pos": {ORDERS: 50}}]

    tab.say(*sorted(frames, key=lambda frame: frame["type"] != first), event(45))

    assert tab.ids() == [45]


def test_database_put_back__counts_from_where_it_was_then(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN)
    go_live(tab, subscribed(41), event(42))
    back = {"type": "gap", "channel": ORDERS, "epoch": "k9", "from": 42, "to": 20, "reason": "epoch", "refetch": True}
    ping = {"type": "ping", "pos": {ORDERS: 42}}

    tab.say(ping, back, {**ping, "pos": {ORDERS: 20}}, event(21))

    assert tab.ids() == [42, 21]


def test_server_that_says_nothing__is_left(tab: Tab) -> None:
    tab.begin(channels=[])
    go_live(tab)

    tab.wait(55)
    assert tab.sockets() == 1
    tab.wait(15)

    assert tab.sockets() == 2
    assert {"silence"} == {one["reason"] for one in tab.log("state") if one["state"] == "waiting"}


def test_socket_that_never_opens__is_given_up(tab: Tab) -> None:
    tab.begin(channels=[], transports=["ws"])

    tab.wait(21)

    assert tab.sockets() == 2


def test_late_events__are_shown_in_the_state(tab: Tab) -> None:
    tab.begin(channels=[])
    go_live(tab, {"type": "status", "state": "degraded"})
    late = tab.state["isLate"]

    tab.say({"type": "status", "state": "ok"})

    assert (late, tab.state["isLate"], tab.state["state"]) == (True, False, "live")


def test_figures__are_asked_for_on_every_connection(tab: Tab) -> None:
    tab.begin(channels=[])
    tab.page.evaluate("client.sample('metrics', 250)")
    asked = {"type": "subscribe-metrics", "interval_ms": 250}

    assert tab.open() == [asked, READY]
    tab.say({"channel": "metrics", "event": "metrics-update", "data": {"sockets": 1}})
    tab.end()
    tab.wait(0.5)

    assert tab.open() == [asked, READY]
    assert [frame["data"] for frame in tab.log("figures")] == [{"sockets": 1}]


def test_channel_that_may_no_longer_be_seen__is_told_to_the_page(tab: Tab) -> None:
    tab.begin()
    go_live(tab, subscribed(7, recovered=False))

    tab.say({"type": "error", "code": "forbidden", "message": "no longer", "channel": ORDERS, "retryable": False})

    assert [(one["code"], one["channel"]) for one in tab.log("refusal")] == [("forbidden", ORDERS)]
    assert tab.page.evaluate("client.positions") == {}


# --- The page --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("leaves", "comes"), [(("freeze", "document"), ("resume", "document")), (("pagehide", "window"), None)]
)
def test_page_that_will_not_run__lets_go_and_comes_back_at_once(
    tab: Tab, leaves: tuple[str, str], comes: tuple[str, str] | None
) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN)
    go_live(tab, subscribed(41), event(42))

    tab.happen(*leaves)
    tab.wait(600)
    assert (tab.sockets(), tab.state["state"]) == (1, "paused")
    if comes:
        tab.happen(*comes)
    else:
        tab.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        tab.settle()

    assert tab.sockets() == 2
    assert tab.open()[0]["since"] == 42


def test_laptop_that_slept__notices_by_the_clock_on_the_wall(tab: Tab) -> None:
    tab.begin(channels=[])
    go_live(tab)

    tab.page.clock.fast_forward(3_600_000)  # timers fire at most once
    tab.wait(1)

    assert tab.sockets() == 2


def test_network_that_comes_back__is_tried_without_waiting(tab: Tab) -> None:
    tab.begin(channels=[])
    go_live(tab)

    tab.happen("offline")
    tab.end()
    assert (tab.sockets(), tab.state["state"]) == (1, "waiting")
    tab.happen("online")

    assert tab.sockets() == 2


def test_page_that_is_shown_again__asks_whether_anybody_is_there(tab: Tab) -> None:
    tab.begin(channels=[])
    go_live(tab)
    tab.said()

    tab.happen("visibilitychange", on="document")
    assert tab.said() == [{"type": "ping", "ref": "probe"}]
    tab.say({"type": "pong", "ref": "probe"})
    tab.wait(6)
    assert tab.sockets() == 1

    tab.happen("visibilitychange", on="document")
    tab.wait(6)

    assert tab.sockets() == 2
