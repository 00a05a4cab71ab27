"""The client of events comes and comes back: where it goes on, how long it waits, when it gives up."""

import pytest

from tests.live_client.frames import KNOWN, ORDERS, READY, event, go_live, subscribed
from tests.live_client.tab import Tab

pytestmark = pytest.mark.xdist_group("live_client")

LIMITS = [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_client_that_knows_where_it_is__asks_for_what_comes_after(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN)

    said = tab.open()

    assert tab.page.evaluate("sockets[0].url") == "ws://client.test/api/v1/realtime/ws?channels="
    assert said == [{"type": "subscribe", "channel": ORDERS, "ref": ORDERS, "since": 41, "epoch": "k3"}, READY]
    assert tab.state["state"] == "connecting"
    tab.say(subscribed(41), {"type": "pong", "ref": "ready"})
    assert (tab.state["state"], tab.state["transport"]) == ("live", "ws")


def test_lost_socket__is_resumed_after_the_last_event_and_nothing_comes_twice(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN)
    go_live(tab, subscribed(41), event(42), event(44))

    tab.end(1006)
    tab.wait(0.5)

    assert tab.open()[0] == {"type": "subscribe", "channel": ORDERS, "ref": ORDERS, "since": 44, "epoch": "k3"}
    tab.say(subscribed(50, replayed=1), event(44), event(47), event(47))
    assert tab.ids() == [42, 44, 47]


def test_events_held_back_behind_a_replay__are_taken_though_the_answer_knew_of_them(tab: Tab) -> None:
    """The server's `id` is where the channel stands by then: what it held back meanwhile is older, and still comes."""
    tab.begin(channels=[ORDERS], positions=KNOWN)

    go_live(tab, subscribed(50), event(49))

    assert tab.ids() == [49]


def test_nothing_named__follows_all_that_one_may_see_and_resumes_each(tab: Tab) -> None:
    tab.begin()
    said = go_live(tab, subscribed(7, recovered=False), {**subscribed(9, recovered=False), "channel": "events:flags"})
    tab.end(1012)
    tab.wait(0.5)

    assert said == [READY]
    assert tab.page.evaluate("sockets.map(({url}) => new URL(url).search)") == ["", "?channels="]
    assert [(one["channel"], one["since"]) for one in tab.open()[:2]] == [(ORDERS, 7), ("events:flags", 9)]


def test_waits__grow_to_half_a_minute_and_start_anew_after_ten_good_seconds(tab: Tab) -> None:
    tab.begin(channels=[], transports=["ws"])
    waits = []
    for seconds in LIMITS:
        tab.end()
        waits.append(tab.state["retryInMs"] / 1000)
        tab.wait(seconds - 0.1)
        tried = tab.sockets()
        tab.wait(0.2)
        assert tab.sockets() == tried + 1
    assert waits == LIMITS  # of full jitter's greatest chance

    go_live(tab)
    tab.wait(9)
    tab.end()
    assert tab.state["retryInMs"] == 30_000
    tab.wait(30)
    go_live(tab)
    tab.wait(11)
    tab.end()

    assert tab.state["retryInMs"] == 500


def test_wait__is_anything_between_none_and_its_limit(tab: Tab) -> None:
    tab.begin(channels=[], transports=["ws"])
    tab.page.evaluate("Math.random = () => 0")

    tab.end()

    assert tab.state["retryInMs"] == 0


@pytest.mark.parametrize("code", [4400, 4403, 4409])
def test_code_that_forbids_it__ends_all_attempts(tab: Tab, code: int) -> None:
    tab.begin(channels=[])
    go_live(tab)

    tab.end(code)
    tab.wait(120)
    tab.happen("online")

    assert tab.sockets() == 1
    assert (tab.state["state"], tab.state["code"]) == ("refused", code)


@pytest.mark.parametrize("code", [1001, 1006, 1009, 1012, 1013, 4401, 4408, 4410, 4429])
def test_other_codes__are_followed_by_another_attempt(tab: Tab, code: int) -> None:
    tab.begin(channels=[])
    go_live(tab)

    tab.end(code)
    tab.wait(0.6)

    assert tab.sockets() == 2


def test_draining__leaves_when_the_server_says_and_resumes(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN)
    go_live(tab, subscribed(41))

    tab.say({"type": "draining", "reconnect_in_ms": 8000}, event(42))
    tab.wait(7.9)
    assert tab.sockets() == 1
    tab.wait(0.2)

    assert tab.sockets() == 2
    assert tab.open()[0]["since"] == 42
    assert tab.ids() == [42]


def test_stopped_client__says_so_and_stays_away(tab: Tab) -> None:
    tab.begin(channels=[])
    go_live(tab)

    tab.page.evaluate("client.stop()")
    tab.wait(120)
    tab.happen("online")

    assert tab.sockets() == 1
    assert tab.page.evaluate("sockets[0].readyState") == 3
    assert tab.state["state"] == "stopped"
