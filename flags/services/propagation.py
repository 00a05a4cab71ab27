"""From the database to Redis: at once after a commit, and again by the reconciler, whatever happened in between."""

import logging
import time

import redis
from django.db import transaction

from flags import mirror
from flags.current import current
from flags.document import Document
from flags.metrics import DRIFT, PUBLISH_ERRORS, PUBLISH_SECONDS
from flags.mirror import Held
from flags.models import FlagSet
from flags.queries import read_document

logger = logging.getLogger(__name__)


def publish_flags(*, patience: float | None = None) -> bool:
    """Bring Redis and this process to the newest committed flags; returns whether Redis was behind, and is now not."""
    began = time.perf_counter()
    newest = committed_document()
    current.install(newest)
    try:
        written = mirror.write(newest, patience=patience)
    except (redis.RedisError, OSError) as error:
        PUBLISH_ERRORS.inc()
        logger.warning(
            "Version %s of the flags did not reach Redis (%s); the reconciler brings it", newest.version, error
        )
        return False
    PUBLISH_SECONDS.observe(time.perf_counter() - began)
    return written


def reconcile() -> int:
    """Repair Redis where it differs from the database; returns how many differences there were. Raises RedisError."""
    held, truth = mirror.held(), committed_document()
    kind = drift(held, truth)
    if not kind:
        return 0
    seen = max(held.version or 0, current.snapshot.version)
    if kind == "content" or seen > truth.version:
        _rise_above(seen)
    if not publish_flags(patience=mirror.PATIENT_SECONDS):  # a writer was faster: there was nothing to repair
        return 0
    DRIFT.labels(kind).inc()
    logger.warning("The flags in Redis were wrong (%s) and are repaired", kind)
    return 1


def committed_document() -> Document:
    """All flags as everybody sees them. RuntimeError inside a transaction, whose writes may be rolled back yet."""
    with transaction.atomic(durable=True):
        return read_document()


def drift(held: Held, truth: Document) -> str:
    """How Redis differs from the database: "missing", "behind", "ahead", "content", or "" when it does not."""
    if held.version is None:
        return "missing"
    if held.version != truth.version:
        return "behind" if held.version < truth.version else "ahead"
    # Rows that changed without a write of ours, or keys that somebody else touched.
    return "" if (held.digest, held.switches) == (truth.digest, truth.switches()) else "content"


@transaction.atomic
def _rise_above(version: int) -> None:
    """Versions never go back, not even when the database does: it goes on above what the processes have seen."""
    flag_set = locked_set()
    if flag_set.version <= version:
        flag_set.version = version + 1
        flag_set.save(update_fields=["version"])


def locked_set() -> FlagSet:
    """The one row that every write holds until its commit."""
    flag_set, _ = FlagSet.objects.select_for_update().get_or_create(pk=1)
    return flag_set
