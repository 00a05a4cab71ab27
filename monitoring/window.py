"""The last hour in Redis, under the keys that flash sale dashboards know: `flash_sale_metrics:*`."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import orjson
from redis import Redis

from coupon_site import redis

PREFIX = "flash_sale_metrics:"
ORDER_LATENCY = f"{PREFIX}order_latency"
PROCESSING_TIME = f"{PREFIX}processing_time"
HISTORY = f"{PREFIX}history"
PROCESSES = f"{PREFIX}processes"
CLEARED_AT = f"{PREFIX}cleared_at"
SAMPLED_AT = f"{PREFIX}sampled_at"

TTL_SECONDS = 3600
SLOT_SECONDS = 5
LONGEST_LIST = 10_000
LONGEST_HISTORY = TTL_SECONDS // SLOT_SECONDS
SILENT_AFTER_SECONDS = 15

STATUSES = ("success", "failed", "pending")


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What was measured in one slot. Times are milliseconds, the newest last."""

    at: datetime
    orders_per_second: float
    statuses: Mapping[str, int]
    order_latency_ms: Sequence[int]
    processing_time_ms: Sequence[int]
    queue_length: int
    active_connections: int
    inventory: Mapping[str, int]
    sample: Mapping[str, Any]


def client() -> Redis:
    return redis.client()


def slot_of(at: datetime) -> int:
    """The Unix time at which the slot of an instant begins."""
    return int(at.timestamp()) // SLOT_SECONDS * SLOT_SECONDS


def write(slot: Slot) -> None:
    """Everything of a slot in one round trip; every key ends an hour after its last write."""
    second = slot_of(slot.at)
    values: dict[str, float] = {
        f"{PREFIX}throughput:{second}": slot.orders_per_second,
        f"{PREFIX}queue_length:{second}": slot.queue_length,
        f"{PREFIX}active_connections:{second}": slot.active_connections,
        **{f"{PREFIX}order_status:{status}": number for status, number in slot.statuses.items()},
        **{f"{PREFIX}inventory:{sale}": units for sale, units in slot.inventory.items()},
    }
    with client().pipeline(transaction=False) as pipe:
        for key, value in values.items():
            pipe.set(key, value, ex=TTL_SECONDS)
        push(pipe, ORDER_LATENCY, slot.order_latency_ms, longest=LONGEST_LIST)
        push(pipe, PROCESSING_TIME, slot.processing_time_ms, longest=LONGEST_LIST)
        push(pipe, HISTORY, [orjson.dumps(slot.sample)], longest=LONGEST_HISTORY)
        pipe.set(SAMPLED_AT, slot.at.timestamp(), ex=TTL_SECONDS)
        pipe.execute()


def push(pipe: Any, key: str, values: Sequence[int | bytes], *, longest: int) -> None:
    """Add to the head of a trimmed list."""
    if values:
        pipe.lpush(key, *values)
        pipe.ltrim(key, 0, longest - 1)
        pipe.expire(key, TTL_SECONDS)


def history(*, seconds: int) -> list[dict[str, Any]]:
    """Samples of the last `seconds`, the oldest first."""
    raw = cast("list[bytes]", client().lrange(HISTORY, 0, seconds // SLOT_SECONDS - 1))
    since = datetime.fromtimestamp(time.time() - seconds, UTC).isoformat()
    samples = [orjson.loads(each) for each in reversed(raw)]
    return [sample for sample in samples if sample["at"] >= since]


def series(name: str, *, at: datetime) -> list[float]:
    """The values of `throughput`, `queue_length` or `active_connections` in the last hour, the oldest first."""
    newest = slot_of(at)
    keys = [f"{PREFIX}{name}:{second}" for second in range(newest - TTL_SECONDS, newest + 1, SLOT_SECONDS)]
    return [float(value) for value in cast("list[bytes | None]", client().mget(keys)) if value is not None]


def durations(key: str) -> list[int]:
    """A list of milliseconds, sorted."""
    return sorted(int(value) for value in cast("list[bytes]", client().lrange(key, 0, -1)))


def statuses() -> dict[str, int]:
    """How many orders of the window succeeded, failed, and wait."""
    values = cast("list[bytes | None]", client().mget([f"{PREFIX}order_status:{status}" for status in STATUSES]))
    return {status: int(float(value or 0)) for status, value in zip(STATUSES, values, strict=True)}


def sampled_at() -> datetime | None:
    return moment(SAMPLED_AT)


def cleared_at() -> datetime | None:
    return moment(CLEARED_AT)


def moment(key: str) -> datetime | None:
    value = cast("bytes | None", client().get(key))
    return datetime.fromtimestamp(float(value), UTC) if value else None


def clear(*, at: datetime) -> int:
    """Forget the hour; nothing before `at` comes back. Answers how many keys went."""
    keys = [
        key
        for key in cast("Iterable[bytes]", client().scan_iter(f"{PREFIX}*", count=1000))
        if key.decode() != PROCESSES
    ]
    removed = client().unlink(*keys) if keys else 0
    client().set(CLEARED_AT, at.timestamp(), ex=TTL_SECONDS)
    return removed
