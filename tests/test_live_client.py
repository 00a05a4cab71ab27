"""The client of events in a browser: what it says and keeps, for how long it waits, when it gives up."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.live_client.page import ClientPage

pytestmark = pytest.mark.xdist_group("live_client")

ORDERS = "events:orders"
READY = {"type": "ping", "ref": "ready"}
KNOWN = {ORDERS: {"epoch": "k3", "id": 41}}
LIMITS = [0.5, 1, 2, 4, 8, 16, 30, 30]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def client(browser: Browser) -> Iterator[ClientPage]:
    client = ClientPage(browser)
    yield client
    assert client.page.errors == []  # type: ignore[attr-defined]
    client.page.context.close()


def event(number: int, channel: str = ORDERS) -> dict[str, Any]:
    return {"channel": channel, "data": {"n": number}, "id": number}


def subscribed(last: int, *, recovered: bool = True, replayed: int = 0, epoch: str = "k3") -> dict[str, Any]:
    where = {"channel": ORDERS, "epoch": epoch, "id": last}
    return {"type": "subscribed", **where, "recovered": recovered, "replayed": replayed}


def go_live(client: ClientPage, *frames: dict[str, Any]) -> list[dict[str, Any]]:
    """The newest socket opens and answers; what the client said first."""
    said = client.open()
    client.say({"type": "welcome", "ping": 25, "limits": {}}, *frames, {"type": "pong", "ref": "ready"})
    return said


# --- Coming and coming back ------------------------------------------------------------------------------------------
def test_client_that_knows_where_it_is__asks_for_what_comes_after(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN)

    said = client.open()

    assert client.page.evaluate("sockets[0].url") == "ws://client.test/api/v1/realtime/ws?channels="
    assert said == [{"type": "subscribe", "channel": ORDERS, "ref": ORDERS, "since": 41, "epoch": "k3"}, READY]
    assert client.state["state"] == "connecting"
    client.say(subscribed(41), {"type": "pong", "ref": "ready"})
    assert (client.state["state"], client.state["transport"]) == ("live", "ws")


def test_lost_socket__is_resumed_after_the_last_event_and_nothing_comes_twice(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN)
    go_live(client, subscribed(41), event(42), event(44))

    client.end(1006)
    client.wait(0.5)

    assert client.open()[0] == {"type": "subscribe", "channel": ORDERS, "ref": ORDERS, "since": 44, "epoch": "k3"}
    client.say(subscribed(50, replayed=1), event(44), event(47), event(47))
    assert client.ids() == [42, 44, 47]


def test_events_held_back_behind_a_replay__are_taken_though_the_answer_knew_of_them(client: ClientPage) -> None:
    """The server's `id` is where the channel stands by then: what it held back meanwhile is older, and still comes."""
    client.begin(channels=[ORDERS], positions=KNOWN)

    go_live(client, subscribed(50), event(49))

    assert client.ids() == [49]


def test_nothing_named__follows_all_that_one_may_see_and_resumes_each(client: ClientPage) -> None:
    client.begin()
    said = go_live(
        client, subscribed(7, recovered=False), {**subscribed(9, recovered=False), "channel": "events:flags"}
    )
    client.end(1012)
    client.wait(0.5)

    assert said == [READY]
    assert client.page.evaluate("sockets.map(({url}) => new URL(url).search)") == ["", "?channels="]
    assert [(one["channel"], one["since"]) for one in client.open()[:2]] == [(ORDERS, 7), ("events:flags", 9)]


def test_waits__grow_to_half_a_minute_and_start_anew_after_ten_good_seconds(client: ClientPage) -> None:
    client.begin(channels=[], transports=["ws"])
    waits = []
    for seconds in LIMITS:
        client.end()
        waits.append(client.state["retryInMs"] / 1000)
        client.wait(seconds - 0.1)
        tried = client.sockets()
        client.wait(0.2)
        assert client.sockets() == tried + 1
    assert waits == LIMITS  # of full jitter's greatest chance

    go_live(client)
    client.wait(9)
    client.end()
    assert client.state["retryInMs"] == 30_000
    client.wait(30)
    go_live(client)
    client.wait(11)
    client.end()

    assert client.state["retryInMs"] == 500


def test_wait__is_anything_between_none_and_its_limit(client: ClientPage) -> None:
    client.begin(channels=[], transports=["ws"])
    client.page.evaluate("Math.random = () => 0")

    client.end()

    assert client.state["retryInMs"] == 0


@pytest.mark.parametrize("code", [4400, 4403, 4409])
def test_code_that_forbids_it__ends_all_attempts(client: ClientPage, code: int) -> None:
    client.begin(channels=[])
    go_live(client)

    client.end(code)
    client.wait(120)
    client.happen("online")

    assert client.sockets() == 1
    assert (client.state["state"], client.state["code"]) == ("refused", code)


@pytest.mark.parametrize("code", [1001, 1006, 1009, 1012, 1013, 4401, 4408, 4410, 4429])
def test_other_codes__are_followed_by_another_attempt(client: ClientPage, code: int) -> None:
    client.begin(channels=[])
    go_live(client)

    client.end(code)
    client.wait(0.6)

    assert client.sockets() == 2


def test_draining__leaves_when_the_server_says_and_resumes(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN)
    go_live(client, subscribed(41))

    client.say({"type": "draining", "reconnect_in_ms": 8000}, event(42))
    client.wait(7.9)
    assert client.sockets() == 1
    client.wait(0.2)

    assert client.sockets() == 2
    assert client.open()[0]["since"] == 42
    assert client.ids() == [42]


def test_stopped_client__says_so_and_stays_away(client: ClientPage) -> None:
    client.begin(channels=[])
    go_live(client)

    client.page.evaluate("client.stop()")
    client.wait(120)
    client.happen("online")

    assert client.sockets() == 1
    assert client.page.evaluate("sockets[0].readyState") == 3
    assert client.state["state"] == "stopped"


# --- Staying ---------------------------------------------------------------------------------------------------------
def test_ping__is_answered_and_moves_a_client_whose_channel_has_nothing_for_it(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN)
    go_live(client, subscribed(41))

    client.say({"type": "ping", "pos": {ORDERS: 900}})

    assert client.said() == [{"type": "pong", "pos": {ORDERS: 900}}]
    client.end(1006)
    client.wait(0.5)
    assert client.open()[0]["since"] == 900


def test_ping_in_the_middle_of_a_replay__moves_nothing(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN)
    client.open()

    client.say({"type": "ping", "pos": {ORDERS: 50}}, subscribed(50, replayed=1), event(45))

    assert client.ids() == [45]


def test_server_that_says_nothing__is_left(client: ClientPage) -> None:
    client.begin(channels=[])
    go_live(client)

    client.wait(55)
    assert client.sockets() == 1
    client.wait(15)

    assert client.sockets() == 2
    assert {"silence"} == {one["reason"] for one in client.log("state") if one["state"] == "waiting"}


def test_socket_that_never_opens__is_given_up(client: ClientPage) -> None:
    client.begin(channels=[], transports=["ws"])

    client.wait(21)

    assert client.sockets() == 2


def test_late_events__are_shown_in_the_state(client: ClientPage) -> None:
    client.begin(channels=[])
    go_live(client, {"type": "status", "state": "degraded"})
    late = client.state["isLate"]

    client.say({"type": "status", "state": "ok"})

    assert (late, client.state["isLate"], client.state["state"]) == (True, False, "live")


def test_figures__are_asked_for_on_every_connection(client: ClientPage) -> None:
    client.begin(channels=[])
    client.page.evaluate("client.sample('metrics', 250)")
    asked = {"type": "subscribe-metrics", "interval_ms": 250}

    assert client.open() == [asked, READY]
    client.say({"channel": "metrics", "event": "metrics-update", "data": {"sockets": 1}})
    client.end()
    client.wait(0.5)

    assert client.open() == [asked, READY]
    assert [frame["data"] for frame in client.log("figures")] == [{"sockets": 1}]


def test_channel_that_may_no_longer_be_seen__is_told_to_the_page(client: ClientPage) -> None:
    client.begin()
    go_live(client, subscribed(7, recovered=False))

    client.say({"type": "error", "code": "forbidden", "message": "no longer", "channel": ORDERS, "retryable": False})

    assert [(one["code"], one["channel"]) for one in client.log("refusal")] == [("forbidden", ORDERS)]
    assert client.page.evaluate("client.positions") == {}


# --- The page --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("leaves", "comes"), [(("freeze", "document"), ("resume", "document")), (("pagehide", "window"), None)]
)
def test_page_that_will_not_run__lets_go_and_comes_back_at_once(
    client: ClientPage, leaves: tuple[str, str], comes: tuple[str, str] | None
) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN)
    go_live(client, subscribed(41), event(42))

    client.happen(*leaves)
    client.wait(600)
    assert (client.sockets(), client.state["state"]) == (1, "paused")
    if comes:
        client.happen(*comes)
    else:
        client.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        client.settle()

    assert client.sockets() == 2
    assert client.open()[0]["since"] == 42


def test_laptop_that_slept__notices_by_the_clock_on_the_wall(client: ClientPage) -> None:
    client.begin(channels=[])
    go_live(client)

    client.page.clock.fast_forward(3_600_000)  # timers fire at most once
    client.wait(1)

    assert client.sockets() == 2


def test_network_that_comes_back__is_tried_without_waiting(client: ClientPage) -> None:
    client.begin(channels=[])
    go_live(client)

    client.happen("offline")
    client.end()
    assert (client.sockets(), client.state["state"]) == (1, "waiting")
    client.happen("online")

    assert client.sockets() == 2


def test_page_that_is_shown_again__asks_whether_anybody_is_there(client: ClientPage) -> None:
    client.begin(channels=[])
    go_live(client)
    client.said()

    client.happen("visibilitychange", on="document")
    assert client.said() == [{"type": "ping", "ref": "probe"}]
    client.say({"type": "pong", "ref": "probe"})
    client.wait(6)
    assert client.sockets() == 1

    client.happen("visibilitychange", on="document")
    client.wait(6)

    assert client.sockets() == 2


# --- Gaps ------------------------------------------------------------------------------------------------------------
GAP = {"type": "gap", "channel": ORDERS, "epoch": "k9", "from": 41, "to": 90, "reason": "epoch", "refetch": True}


def test_gap__is_repaired_before_what_came_after_it(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN, refetches=True)

    go_live(client, subscribed(90, recovered=False, epoch="k9"), GAP, event(91))
    assert client.ids() == []
    client.loaded()

    assert [need["reason"] for (need,) in client.refetches()] == ["epoch"]
    assert [(gap["from"], gap["to"]) for gap in client.log("gap")] == [(41, 90)]
    assert client.ids() == [91]
    assert client.page.evaluate("client.positions") == {ORDERS: {"epoch": "k9", "id": 91}}


def test_state_that_cannot_be_loaded__is_asked_for_again_and_events_wait(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN, refetches=True)
    go_live(client, subscribed(90, recovered=False), GAP, event(91))

    client.loaded(ok=False)
    client.wait(0.5)
    assert (len(client.refetches()), client.ids()) == (2, [])
    client.say(event(92))
    client.loaded()

    assert client.ids() == [91, 92]


def test_channel_without_a_position__is_followed_first_and_loaded_then(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], refetches=True)

    said = go_live(client, subscribed(7, recovered=False), event(8))
    assert client.ids() == []
    client.loaded()

    assert said[0] == {"type": "subscribe", "channel": ORDERS, "ref": ORDERS}
    assert client.refetches() == [[{"channel": ORDERS, "reason": "start"}]]
    assert client.ids() == [8]


def test_more_events_than_can_wait__are_left_to_another_load(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN, refetches=True)
    go_live(client, subscribed(90, recovered=False), GAP)

    client.say(*[event(91 + number) for number in range(5001)])
    client.loaded()
    assert client.ids() == []
    client.say(event(9000))
    client.loaded()

    assert [need["reason"] for needs in client.refetches() for need in needs] == ["epoch", "limit"]
    assert client.ids() == [9000]
