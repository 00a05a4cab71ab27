"""What the leading worker does for the flags by the clock."""

import logging
from datetime import timedelta

import redis

from events import sweep
from flags.services import reconcile

logger = logging.getLogger(__name__)


@sweep(every=timedelta(seconds=15))
def repair_redis() -> int:
    """A crash between commit and publication, a flushed Redis and raw SQL are all repaired here."""
    try:
        return reconcile()
    except redis.RedisError as error:
        logger.warning("Redis does not answer (%s): the flags in it are looked at again in 15 seconds", error)
        return 0
