"""What the leading worker does for the flags by the clock."""

import logging
from datetime import timedelta

import redis
from django.utils import timezone

from events import sweep
from flags.services import collect_usage, forget_usage, reconcile, run_planned_changes

logger = logging.getLogger(__name__)


@sweep(every=timedelta(seconds=15))
def repair_redis() -> int:
    """A crash between commit and publication, a flushed Redis and raw SQL are all repaired here."""
    try:
        return reconcile()
    except redis.RedisError as error:
        logger.warning("Redis does not answer (%s): the flags in it are looked at again in 15 seconds", error)
        return 0


@sweep(every=timedelta(seconds=2))
def do_planned_changes() -> int:
    """What is approved and due."""
    return run_planned_changes(at=timezone.now())


@sweep(every=timedelta(minutes=1))
def keep_usage() -> int:
    """How often flags answered what, since the last time."""
    try:
        return collect_usage(at=timezone.now())
    except redis.RedisError as error:
        logger.warning("Redis does not answer (%s): how flags are used is asked again in a minute", error)
        return 0


@sweep(every=timedelta(hours=1))
def drop_old_usage() -> int:
    """Of days long gone."""
    return forget_usage(at=timezone.now())
