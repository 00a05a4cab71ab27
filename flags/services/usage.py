"""Keeps how often flags answered what, per day."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import redis
from django.db import connection

from flags import mirror
from flags.models import FlagUsage
from flags.usage import USAGE

TAKEN = f"{USAGE}:taken"
KEPT = timedelta(days=400)  # a year, and a month to compare it with
Fields = tuple[str, str, str, str]

ADD = """
INSERT INTO flags_flagusage (flag_id, day, variant, reason, count, last_seen_at)
SELECT flags_flag.id, told.day, told.variant, told.reason, told.count, LEAST(%(at)s, told.day + 1)
FROM unnest(%(days)s::date[], %(flags)s::text[], %(variants)s::text[], %(reasons)s::text[], %(counts)s::bigint[])
    AS told (day, flag, variant, reason, count)
JOIN flags_flag ON flags_flag.key = told.flag
ON CONFLICT (flag_id, day, variant, reason) DO UPDATE
SET count = flags_flagusage.count + EXCLUDED.count,
    last_seen_at = GREATEST(flags_flagusage.last_seen_at, EXCLUDED.last_seen_at)
"""


def collect_usage(*, at: datetime) -> int:
    """Bring what the processes told Redis into the database; returns how many kinds of answers. Raises RedisError.

    A crash between the two counts a minute twice: these figures tell used from unused, nobody is billed by them.
    """
    client = mirror.client()
    if not client.exists(TAKEN):
        try:
            client.rename(USAGE, TAKEN)
        except redis.ResponseError:  # nobody has checked a flag
            return 0
    told = client.hgetall(TAKEN)
    added = add(told, at=at)
    client.delete(TAKEN)
    return added


def add(told: Mapping[Any, Any], *, at: datetime) -> int:
    """Flags that are only declared have no row to count at, and are passed over."""
    rows = [(*msgspec.json.decode(field, type=Fields), int(count)) for field, count in told.items()]
    days, flags, variants, reasons, counts = (list(column) for column in zip(*rows, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            ADD, {"at": at, "days": days, "flags": flags, "variants": variants, "reasons": reasons, "counts": counts}
        )
        added: int = cursor.rowcount
    return added


def forget_usage(*, at: datetime) -> int:
    """Drop the days that nobody compares with any more; returns how many rows."""
    dropped, _ = FlagUsage.objects.filter(day__lt=(at - KEPT).date()).delete()
    return dropped
