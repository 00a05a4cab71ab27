"""The client of events where sockets don't get through, and with tickets."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.live_client.page import ClientPage

pytestmark = pytest.mark.xdist_group("live_client_streams")

ORDERS = "events:orders"
KNOWN = {ORDERS: {"epoch": "k3", "id": 41}}
EVENT = 'id: events:orders=k3:42\ndata: {"channel":"events:orders","data":{"n":1},"id":42}\n\n'


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


def fall_back(client: ClientPage) -> None:
    """Two sockets never open; the client asks for a stream, which opens."""
    for seconds in (0.5, 1):
        client.end()
        client.wait(seconds)
    client.stream("open")


def test_sockets_that_never_open__are_replaced_by_a_stream(client: ClientPage) -> None:
    client.begin(channels=[ORDERS, "events:flags"], positions=KNOWN)

    fall_back(client)
    client.stream("say", f"retry: 3000\n\n{EVENT}")

    (asked,) = client.streams()
    assert asked["url"] == "http://client.test/api/v1/realtime/sse?channels=events%3Aorders%2Cevents%3Aflags"
    assert asked["headers"]["Last-Event-ID"] == "events:orders=k3:41"
    assert (client.state["state"], client.state["transport"]) == ("live", "sse")
    assert client.ids() == [42]


def test_stream_that_ends__is_resumed_when_the_server_has_said(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN, transports=["sse"])
    client.stream("open")
    client.stream("say", "retry: 3000\n\n")
    client.stream("say", EVENT[:30])
    client.stream("say", EVENT[30:] + 'event: closed\ndata: {"type":"closed","code":1013}\n\n')
    client.stream("end")

    client.wait(2.9)
    assert len(client.streams()) == 1
    client.wait(0.2)

    assert [stream["headers"]["Last-Event-ID"] for stream in client.streams()] == [
        "events:orders=k3:41",
        "events:orders=k3:42",
    ]
    assert client.sockets() == 0


def test_stream_of_another_site__is_resumed_by_its_address(client: ClientPage) -> None:
    client.begin(url="http://site.test/api/v1/realtime/", channels=[ORDERS], positions=KNOWN, transports=["sse"])

    (asked,) = client.streams()

    assert asked["url"].endswith("?channels=events%3Aorders&last_event_id=events%3Aorders%3Dk3%3A41")
    assert "Last-Event-ID" not in asked["headers"]


def test_gap_on_a_stream__is_repaired_too(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN, transports=["sse"], refetches=True)
    client.stream("open")

    notice = '{"type":"gap","channel":"events:orders","epoch":"k9","from":41,"to":90,"reason":"epoch","refetch":true}'
    client.stream("say", f"event: gap\nid: events:orders=k9:90\ndata: {notice}\n\n")
    client.loaded()

    assert [need["reason"] for (need,) in client.refetches()] == ["epoch"]
    assert client.page.evaluate("client.positions") == {ORDERS: {"epoch": "k9", "id": 90}}


@pytest.mark.parametrize(("status", "code"), [(401, "anonymous"), (403, "forbidden"), (400, "unknown_channel")])
def test_refusal_that_stands__ends_all_attempts(client: ClientPage, status: int, code: str) -> None:
    client.begin(channels=[ORDERS], transports=["sse"])

    client.stream("refuse", status, code)
    client.wait(120)

    assert len(client.streams()) == 1
    assert (client.state["state"], client.state["reason"]) == ("refused", code)


def test_refusal_for_now__is_tried_again_when_the_server_has_said(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], transports=["sse"])

    client.stream("refuse", 503, "unavailable", {"Retry-After": "5"})
    client.wait(4.9)
    assert len(client.streams()) == 1
    client.wait(0.2)

    assert len(client.streams()) == 2


def test_signed_out_visitor__is_told_so_though_a_socket_cannot_say_it(client: ClientPage) -> None:
    client.begin(channels=[ORDERS])
    for seconds in (0.5, 1):
        client.end()
        client.wait(seconds)

    client.stream("refuse", 401, "anonymous")

    assert (client.state["state"], client.state["reason"]) == ("refused", "anonymous")


def test_stream__gives_way_to_a_socket_that_opens_and_goes_on_there(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN)
    fall_back(client)
    client.stream("say", EVENT)

    client.wait(5)
    assert client.streams()[0]["isClosed"] is None
    said = client.open()
    client.say({"type": "pong", "ref": "ready"})

    assert said[0]["since"] == 42
    assert client.streams()[0]["isClosed"]
    assert (client.state["state"], client.state["transport"]) == ("live", "ws")


def test_stream__stays_while_sockets_fail(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], positions=KNOWN)
    fall_back(client)

    client.wait(5)
    tried = client.sockets()
    client.end()
    client.stream("say", EVENT)

    assert tried == 4
    assert client.ids() == [42]
    assert (client.state["state"], client.state["transport"]) == ("live", "sse")


def test_silent_stream__is_left(client: ClientPage) -> None:
    client.begin(channels=[ORDERS], transports=["sse"])
    client.stream("open")
    for _ in range(4):
        client.wait(15)
        client.stream("say", ":\n\n")
    assert len(client.streams()) == 1

    client.wait(46)

    assert len(client.streams()) == 2
    assert client.streams()[0]["isClosed"]


def test_ticket__is_asked_for_anew_each_time_and_goes_into_the_header(client: ClientPage) -> None:
    client.page.evaluate(
        """() => {
            let number = 0;
            begin({ channels: [], ticket: async () => `t${(number += 1)}` });
        }"""
    )
    client.settle()
    client.end()
    client.wait(0.5)

    assert client.page.evaluate("sockets.map(({protocols}) => protocols)") == [
        ["events.v1", "ticket.t1"],
        ["events.v1", "ticket.t2"],
    ]
    assert all("t1" not in url for url in client.page.evaluate("sockets.map(({url}) => url)"))


@pytest.mark.parametrize(("status", "state"), [(401, "refused"), (503, "waiting")])
def test_ticket_that_is_not_given__is_asked_for_again_unless_it_is_refused(
    client: ClientPage, status: int, state: str
) -> None:
    client.page.evaluate(
        """async (status) => {
            window.fetch = async () => new Response("{}", { status });
            const { askTicket } = await import("/static/events/client.js");
            begin({ channels: [], ticket: () => askTicket() });
        }""",
        status,
    )
    client.settle()

    assert client.state["state"] == state
    assert client.sockets() == 0
