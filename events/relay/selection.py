"""Which queued events may have a number now: the broken ones may not, and nothing overtakes within an aggregate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson

from events.events import RAW, TYPES
from events.services.leases import RETRY_DELAYS

MAX_PAYLOAD_BYTES = 32 * 1024

Row = Mapping[str, Any]


class Poison(ValueError):
    """An event that can never be sent."""


@dataclass
class Selection:
    """What becomes of the rows of a batch."""

    accepted: list[dict[str, Any]] = field(default_factory=list)
    poison: list[tuple[Row, str]] = field(default_factory=list)
    retry: list[tuple[Row, str, timedelta]] = field(default_factory=list)


def select(queued: Sequence[dict[str, Any]], passed_over: Sequence[Row]) -> Selection:
    """Sort a batch, in order of writing. `passed_over`: aggregates with an earlier event that is not in the batch."""
    selection = Selection()
    held = {aggregate_of(row): row["id"] for row in passed_over}
    for row in queued:
        if row["id"] > held.get(aggregate_of(row), row["id"]):
            continue
        try:
            check(row)
        except Poison as error:
            selection.poison.append((row, str(error)))
        except Exception as error:  # noqa: BLE001  whatever is wrong with one event must not stop the others
            set_aside(selection, row, error)
            held.setdefault(aggregate_of(row), row["id"])
        else:
            selection.accepted.append(row)
    return selection


def set_aside(selection: Selection, row: Row, error: Exception) -> None:
    """Try again later, or give up after the last time."""
    text = f"{type(error).__name__}: {error}"
    if row["attempts"] >= len(RETRY_DELAYS):
        selection.poison.append((row, text))
    else:
        selection.retry.append((row, text, RETRY_DELAYS[row["attempts"]]))


def aggregate_of(row: Row) -> tuple[str, str]:
    return row["aggregate_type"], row["aggregate_id"]


def check(row: Row) -> None:
    """Raises Poison for what no browser could read."""
    if row["event_type"] != RAW and row["event_type"] not in TYPES:
        raise Poison(f"no event is named {row['event_type']}")
    payload = row["payload"].encode()
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise Poison(f"the payload has {len(payload)} bytes, {MAX_PAYLOAD_BYTES} are allowed")
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Poison(f"the payload is not JSON: {error}") from error
