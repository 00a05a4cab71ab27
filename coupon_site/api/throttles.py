"""The throttle of signed-in users, for requests that come in batches."""

import time
from collections import Counter
from collections.abc import Iterable

from django.core.cache import cache
from rest_framework.throttling import UserRateThrottle


def admit(users: Iterable[int]) -> set[int]:
    """Count requests of users, by their row ids, in the history that single requests have; those within the rate."""
    throttle, counts = UserRateThrottle(), Counter(users)
    allowed, seconds = throttle.parse_rate(throttle.rate)
    if allowed is None or seconds is None:
        return set(counts)
    keys = {user: throttle.cache_format % {"scope": throttle.scope, "ident": user} for user in counts}
    known, now = cache.get_many(keys.values()), time.time()
    histories = {}
    for user, count in counts.items():
        recent = [moment for moment in known.get(keys[user], []) if moment > now - seconds]
        if len(recent) + count <= allowed:
            histories[user] = [now] * count + recent
    cache.set_many({keys[user]: history for user, history in histories.items()}, seconds)
    return set(histories)
