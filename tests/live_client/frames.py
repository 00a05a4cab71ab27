"""What the server says to the client of events."""

from typing import Any

from tests.live_client.tab import Tab

ORDERS = "events:orders"
READY = {"type": "ping", "ref": "ready"}
KNOWN = {ORDERS: {"epoch": "k3", "id": 41}}


def event(number: int) -> dict[str, Any]:
    return {"channel": ORDERS, "data": {"n": number}, "id": number}


def subscribed(last: int, *, recovered: bool = True, replayed: int = 0, epoch: str = "k3") -> dict[str, Any]:
    where = {"channel": ORDERS, "epoch": epoch, "id": last}
    return {"type": "subscribed", **where, "recovered": recovered, "replayed": replayed}


def go_live(tab: Tab, *frames: dict[str, Any]) -> list[dict[str, Any]]:
    """The newest socket opens and answers; what the client said first."""
    said = tab.open()
    tab.say({"type": "welcome", "ping": 25, "limits": {}}, *frames, {"type": "pong", "ref": "ready"})
    return said
