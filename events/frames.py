"""What an event looks like on its way: the browser's frame, and the entry of a stream that carries it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

REGISTRY = "rt:channels"
"""Redis hash: channel → epoch of its stream."""


def stream_key(channel: str, epoch: str) -> str:
    """The stream of a channel's present life."""
    return f"rt:{{{channel}}}:{epoch}"


def opening(channel: str, payload: str) -> str:
    """A frame up to its id: `payload` is JSON already and is never parsed again."""
    return f'{{"channel":{orjson.dumps(channel).decode()},"data":{payload}'


@dataclass(frozen=True, slots=True)
class Entry:
    """A numbered event, ready to be sent: `frame` is the browser's text, built once."""

    seq: int
    frame: str
    audience: tuple[str, ...]
    created_ms: int


def entry_of_row(*, channel: str, seq: int, payload: str, audience: Sequence[str], created_at: datetime) -> Entry:
    """The entry of a row of the outbox."""
    return Entry(seq, f'{opening(channel, payload)},"id":{seq}}}', tuple(audience), milliseconds(created_at))


def entry_of_stream(stream_id: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    """The entry of a stream's: `d` frame, `a` audience, `t` milliseconds of the commit."""
    seq = int(stream_id.partition(b"-")[0])
    return Entry(seq, fields[b"d"].decode(), tuple(fields[b"a"].decode().split(" ")), int(fields[b"t"]))


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedEvent:
    """A row of the outbox that has its number."""

    id: int
    seq: int
    event_id: UUID
    channel: str
    audience: Sequence[str]
    payload: str
    created_at: datetime
