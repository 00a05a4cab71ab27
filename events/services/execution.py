"""Calling handlers: many in one transaction where it can be rolled back, one by one where not."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import redis
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from coupon_site.tracing import request_id
from events.errors import Defer, LeaseLost, UnknownHandler
from events.models import OutboxMessage
from events.registry import registry
from events.services.counting import count_deliveries, count_failure
from events.services.leases import MAX_EXPIRED_LEASES, bury, claim, defer, fail, finish, release, renew, retake

logger = logging.getLogger(__name__)

TOGETHER_SECONDS = 2.0
"""How long one transaction of many handlers may grow, before the rest is given back: far less than a lease."""

ALONE_SECONDS = 1.0
"""How long one claim is worked off one by one, before the rest is given back for other workers."""

SHORTEST_DEFER = timedelta(milliseconds=50)
PASSING = {"40001", "40P01", "55P03"}
"""SQLSTATEs of conflicts that the next try will not meet: serialization, deadlock, lock not available."""


def always() -> bool:
    return True


def work_off(*, messages: Sequence[OutboxMessage], keep_going: Callable[[], bool] = always) -> int:
    """Bring every claimed message to an end, or give it back; how many were tried."""
    fresh, suspects = single_out(messages)
    together = [message for message in fresh if is_transactional(message)]
    alone = [message for message in fresh if not is_transactional(message)]
    done = deliver_together(together, keep_going) + deliver_one_by_one(alone, keep_going)
    return done + deliver_suspects(suspects, keep_going)


def drain() -> int:
    """Work off every due message in this thread until nothing is due. Failed ones stay recorded."""
    done = 0
    while messages := claim(topics=registry.topics(), at=timezone.now()):
        done += work_off(messages=messages)
    return done


def single_out(messages: Sequence[OutboxMessage]) -> tuple[list[OutboxMessage], list[OutboxMessage]]:
    """Messages that are above suspicion, and those that are not, which are given back.

    A message whose lease ran out may have killed its worker: such ones run alone, each leased again when its turn has
    come, so that they take no others down with them.
    """
    suspects = bury_killers([message for message in messages if message.expired_leases])
    release(messages=suspects, at=timezone.now())
    return [message for message in messages if not message.expired_leases], suspects


def bury_killers(suspects: list[OutboxMessage]) -> list[OutboxMessage]:
    """Give up on messages whose lease ran out too often; the others."""
    for message in suspects:
        if message.expired_leases >= MAX_EXPIRED_LEASES:
            error = f"the lease ran out {message.expired_leases} times: the handler kills its worker, or takes too long"
            bury(message=message, error=error, attempts=message.attempts, at=timezone.now())
            count_failure(message, reason="lease_expired", dead=True)
    return [message for message in suspects if message.expired_leases < MAX_EXPIRED_LEASES]


def is_transactional(message: OutboxMessage) -> bool:
    handler = registry.handlers.get(message.handler)
    return handler is not None and handler.transactional


def deliver_together(messages: Sequence[OutboxMessage], keep_going: Callable[[], bool]) -> int:
    """All in one transaction; when anything goes wrong, none of it has happened, and each gets one of its own."""
    if not messages:
        return 0
    try:
        durations = attempt(messages)
    except Exception:  # noqa: BLE001  whose fault it is shows when each is tried alone
        return deliver_one_by_one(messages, keep_going)
    count_deliveries(messages[: len(durations)], durations, at=timezone.now())
    release(messages=messages[len(durations) :], at=timezone.now())
    return len(durations)


def deliver_one_by_one(messages: Sequence[OutboxMessage], keep_going: Callable[[], bool]) -> int:
    """Each by itself, until the time is up or the worker has to stop; the rest is given back."""
    deadline = time.monotonic() + ALONE_SECONDS
    for index, message in enumerate(messages):
        if index and (time.monotonic() > deadline or not keep_going()):
            release(messages=messages[index:], at=timezone.now())
            return index
        deliver_alone(message)
    return len(messages)


def deliver_suspects(messages: Sequence[OutboxMessage], keep_going: Callable[[], bool]) -> int:
    """Each by itself, until the time is up or the worker has to stop; none is leased but the one at hand."""
    deadline = time.monotonic() + ALONE_SECONDS
    tried = 0
    for message in messages:
        if tried and (time.monotonic() > deadline or not keep_going()):
            break
        if retake(message=message, at=timezone.now()):
            deliver_alone(message)
            tried += 1
    return tried


def deliver_alone(message: OutboxMessage) -> None:
    """Call one handler and write down how it ended. Raises only when the database is away."""
    try:
        if is_transactional(message):
            durations = attempt([message])
        else:
            renew(message=message, at=timezone.now())
            durations = [call(message)]
            finish(messages=[message], at=timezone.now())
    except Exception as error:  # noqa: BLE001  whatever a handler raises is written to its message
        settle_failure(message, error, at=timezone.now())
    else:
        count_deliveries([message], durations, at=timezone.now())


@transaction.atomic
def attempt(messages: Sequence[OutboxMessage]) -> list[float]:
    """Handlers and the write that finishes their messages, all or nothing; the seconds each took, of as many as ran."""
    deadline = time.monotonic() + TOGETHER_SECONDS
    durations: list[float] = []
    for message in messages:
        if durations and time.monotonic() > deadline:
            break
        durations.append(call(message))
    finish(messages=messages[: len(durations)], at=timezone.now())
    return durations


def call(message: OutboxMessage) -> float:
    """Run the handler under the id of the request that caused the message; the seconds it took."""
    handler = registry.handler(message.handler)
    token = request_id.set(message.headers.get("request_id", ""))
    started = time.perf_counter()
    try:
        with registry.unit_of_work():
            handler.function(message)
    finally:
        request_id.reset(token)
    return time.perf_counter() - started


def settle_failure(message: OutboxMessage, error: Exception, *, at: datetime) -> None:
    """Write down why it failed; an interruption by the house's own servers costs no attempt."""
    if isinstance(error, LeaseLost):
        logger.warning("%s", error)
        return
    try:
        if isinstance(error, Defer):
            defer(message=message, until=at + max(error.delay, SHORTEST_DEFER), reason=str(error))
        elif is_passing(error):
            delay = timedelta(seconds=random.uniform(0.1, 5))  # noqa: S311  jitter
            defer(message=message, until=at + delay, reason=describe(error))
        else:
            logger.warning("%s failed", message, exc_info=error)
            dead = fail(message=message, error=describe(error), at=at)
            count_failure(message, reason=reason_of(error), dead=dead)
    except LeaseLost as lost:
        logger.warning("%s", lost)


def is_passing(error: Exception) -> bool:
    """Whether an error is the infrastructure's and not the message's."""
    if isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return True
    if isinstance(error, OperationalError | InterfaceError):
        return getattr(error.__cause__, "sqlstate", None) in PASSING or not connection.is_usable()
    return False


def reason_of(error: Exception) -> str:
    return "unknown_handler" if isinstance(error, UnknownHandler) else "error"


def describe(error: Exception) -> str:
    """The error as text that PostgreSQL can hold."""
    text = f"{type(error).__name__}: {error}".replace("\x00", "")
    return text.encode(errors="replace").decode()
