"""What the server says beside events."""

from typing import Any

from events.hub.channel import Channel


def subscribed(
    channel: Channel, *, last: int | None = None, recovered: bool = False, replayed: int = 0, ref: object = None
) -> dict[str, Any]:
    """Where a client stands on a channel."""
    where = {"channel": channel.name, "epoch": channel.epoch, "id": channel.last if last is None else last}
    return with_ref({"type": "subscribed", **where, "recovered": recovered, "replayed": replayed}, ref)


def gap(channel: Channel, *, first: int, last: int, reason: str) -> dict[str, Any]:
    """Events between these numbers can't be had any more; the stream's present life is `epoch`."""
    where = {"channel": channel.name, "epoch": channel.epoch, "from": first, "to": last}
    return {"type": "gap", **where, "reason": reason, "refetch": True}


def error(code: str, message: str, *, ref: object = None, retryable: bool = False, **more: str) -> dict[str, Any]:
    """Why a client's message was refused."""
    return with_ref({"type": "error", "code": code, "message": message, "retryable": retryable, **more}, ref)


def with_ref(body: dict[str, Any], ref: object) -> dict[str, Any]:
    """The client's own mark, echoed."""
    return body if ref is None else {**body, "ref": ref}
