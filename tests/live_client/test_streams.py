"""The client of events where sockets don't get through, and with tickets."""

import pytest

from tests.live_client.frames import KNOWN, ORDERS
from tests.live_client.tab import Tab

pytestmark = pytest.mark.xdist_group("live_client")

EVENT = 'id: events:orders=k3:42\ndata: {"channel":"events:orders","data":{"n":1},"id":42}\n\n'


def fall_back(tab: Tab) -> None:
    """Two sockets never open; the client asks for a stream, which opens."""
    for seconds in (0.5, 1):
        tab.end()
        tab.wait(seconds)
    tab.stream("open")


def test_sockets_that_never_open__are_replaced_by_a_stream(tab: Tab) -> None:
    tab.begin(channels=[ORDERS, "events:flags"], positions=KNOWN)

    fall_back(tab)
    tab.stream("say", f"retry: 3000\n\n{EVENT}")

    (asked,) = tab.streams()
    assert asked["url"] == "http://client.test/api/v1/realtime/sse?channels=events%3Aorders%2Cevents%3Aflags"
    assert asked["headers"]["Last-Event-ID"] == "events:orders=k3:41"
    assert (tab.state["state"], tab.state["transport"]) == ("live", "sse")
    assert tab.ids() == [42]


def test_stream_that_ends__is_resumed_when_the_server_has_said(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN, transports=["sse"])
    tab.stream("open")
    tab.stream("say", "retry: 3000\n\n")
    tab.stream("say", EVENT[:30])
    tab.stream("say", EVENT[30:] + 'event: closed\ndata: {"type":"closed","code":1013}\n\n')
    tab.stream("end")

    tab.wait(2.9)
    assert len(tab.streams()) == 1
    tab.wait(0.2)

    assert [stream["headers"]["Last-Event-ID"] for stream in tab.streams()] == [
        "events:orders=k3:41",
        "events:orders=k3:42",
    ]
    assert tab.sockets() == 0


def test_stream_of_another_site__is_resumed_by_its_address(tab: Tab) -> None:
    tab.begin(url="http://site.test/api/v1/realtime/", channels=[ORDERS], positions=KNOWN, transports=["sse"])

    (asked,) = tab.streams()

    assert asked["url"].endswith("?channels=events%3Aorders&last_event_id=events%3Aorders%3Dk3%3A41")
    assert "Last-Event-ID" not in asked["headers"]


def test_gap_on_a_stream__is_repaired_too(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN, transports=["sse"], refetches=True)
    tab.stream("open")

    notice = '{"type":"gap","channel":"events:orders","epoch":"k9","from":41,"to":90,"reason":"epoch","refetch":true}'
    tab.stream("say", f"event: gap\nid: events:orders=k9:90\ndata: {notice}\n\n")
    tab.loaded()

    assert [need["reason"] for (need,) in tab.refetches()] == ["epoch"]
    assert tab.page.evaluate("client.positions") == {ORDERS: {"epoch": "k9", "id": 90}}


@pytest.mark.parametrize(("status", "code"), [(401, "anonymous"), (403, "forbidden"), (400, "unknown_channel")])
def test_refusal_that_stands__ends_all_attempts(tab: Tab, status: int, code: str) -> None:
    tab.begin(channels=[ORDERS], transports=["sse"])

    tab.stream("refuse", status, code)
    tab.wait(120)

    assert len(tab.streams()) == 1
    assert (tab.state["state"], tab.state["reason"]) == ("refused", code)


def test_refusal_for_now__is_tried_again_when_the_server_has_said(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], transports=["sse"])

    tab.stream("refuse", 503, "unavailable", {"Retry-After": "5"})
    tab.wait(4.9)
    assert len(tab.streams()) == 1
    tab.wait(0.2)

    assert len(tab.streams()) == 2


def test_signed_out_visitor__is_told_so_though_a_socket_cannot_say_it(tab: Tab) -> None:
    tab.begin(channels=[ORDERS])
    for seconds in (0.5, 1):
        tab.end()
        tab.wait(seconds)

    tab.stream("refuse", 401, "anonymous")

    assert (tab.state["state"], tab.state["reason"]) == ("refused", "anonymous")


def test_stream__gives_way_to_a_socket_that_opens_and_goes_on_there(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN)
    fall_back(tab)
    tab.stream("say", EVENT)

    tab.wait(5)
    assert tab.streams()[0]["isClosed"] is None
    said = tab.open()
    tab.say({"type": "pong", "ref": "ready"})

    assert said[0]["since"] == 42
    assert tab.streams()[0]["isClosed"]
    assert (tab.state["state"], tab.state["transport"]) == ("live", "ws")


def test_stream__stays_while_sockets_fail(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN)
    fall_back(tab)

    tab.wait(5)
    tried = tab.sockets()
    tab.end()
    tab.stream("say", EVENT)

    assert tried == 3
    assert tab.ids() == [42]
    assert (tab.state["state"], tab.state["transport"]) == ("live", "sse")


def test_silent_stream__is_left(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], transports=["sse"])
    tab.stream("open")
    for _ in range(4):
        tab.wait(15)
        tab.stream("say", ":\n\n")
    assert len(tab.streams()) == 1

    tab.wait(46)

    assert len(tab.streams()) == 2
    assert tab.streams()[0]["isClosed"]


def test_ticket__is_asked_for_anew_each_time_and_goes_into_the_header(tab: Tab) -> None:
    tab.page.evaluate(
        """() => {
            let number = 0;
            begin({ channels: [], ticket: async () => `t${(number += 1)}` });
        }"""
    )
    tab.settle()
    tab.end()
    tab.wait(0.5)

    assert tab.page.evaluate("sockets.map(({protocols}) => protocols)") == [
        ["coupon-site", "ticket.t1"],
        ["coupon-site", "ticket.t2"],
    ]
    assert all("t1" not in url for url in tab.page.evaluate("sockets.map(({url}) => url)"))


@pytest.mark.parametrize(("status", "state"), [(401, "refused"), (503, "waiting")])
def test_ticket_that_is_not_given__is_asked_for_again_unless_it_is_refused(tab: Tab, status: int, state: str) -> None:
    tab.page.evaluate(
        """async (status) => {
            window.fetch = async () => new Response("{}", { status });
            const { askTicket } = await import("/static/events/client.js");
            begin({ channels: [], ticket: () => askTicket() });
        }""",
        status,
    )
    tab.settle()

    assert tab.state["state"] == state
    assert tab.sockets() == 0
