"""Bookings that cross each other: one of them starts over."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

P = ParamSpec("P")
T = TypeVar("T")
TRIES = 5


def retried(service: Callable[P, T]) -> Callable[P, T]:
    """`transaction.atomic`, begun again where the database ended it to break a deadlock.

    Services lock events, then wallets, each in the order of their ids, and cannot meet in one. A worker that has put
    many messages into one transaction can: whoever loses to it must not fail. Within a larger transaction only its
    owner can start over.
    """

    @wraps(service)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        tries = 1 if connection.in_atomic_block else TRIES
        for _ in range(tries - 1):
            try:
                return once(*args, **kwargs)
            except OperationalError as error:
                if not is_deadlock(error):
                    raise
        return once(*args, **kwargs)

    once = transaction.atomic(service)
    return run


def is_deadlock(error: OperationalError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) == "40P01"
