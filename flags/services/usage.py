"""Keeps how often flags answered what, per day."""

from datetime import datetime

import msgspec
import redis
from django.db import connection

from flags import mirror
from flags.usage import USAGE

TAKEN = f"{USAGE}:taken"

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


def add(told: dict[bytes, bytes], *, at: datetime) -> int:
    """Flags that are only declared have no row to count at, and are passed over."""
    fields = [msgspec.json.decode(field, type=tuple[str, str, str, str]) for field in told]
    days, flags, variants, reasons = (list(column) for column in zip(*fields, strict=True)) if fields else ([],) * 4
    values = {"at": at, "days": days, "flags": flags, "variants": variants, "reasons": reasons}
    with connection.cursor() as cursor:
        cursor.execute(ADD, {**values, "counts": [int(count) for count in told.values()]})
        return cursor.rowcount
