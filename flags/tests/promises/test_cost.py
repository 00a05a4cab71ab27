"""A check asks nobody, and costs less than a microsecond with 500 flags."""

import socket
import statistics
import time
import timeit
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from flags import is_enabled
from flags.current import current
from flags.definition import Rule
from flags.document import Document, FlagState
from tests.crowd import Crowd

pytestmark = pytest.mark.django_db(transaction=True)

FLAGS, CHECKS = 500, 100_000
ON, HALF = "area.flag_250", "area.flag_251"
SUBJECT = {"userId": "4711"}
SOCKET_CALLS = ("connect", "send", "sendall", "recv", "recv_into")


def know_many_flags() -> None:
    """Nobody looks for newer ones meanwhile."""
    flags = {f"area.flag_{n}": FlagState(enabled=True, version=1) for n in range(FLAGS)}
    flags[HALF] = FlagState(enabled=True, version=1, rules=(Rule(id="half", percent=50.0),))
    current.install(Document(1, flags))
    current._due = time.monotonic() + 3600


def calls_per_check() -> tuple[int, int]:
    """Calls to sockets and statements in many checks of both kinds, after the first."""
    calls = count_calls()
    know_many_flags()
    for _ in range(CHECKS):
        is_enabled(ON)
        is_enabled(HALF, context=SUBJECT)
    in_checks = len(calls)
    current._due = 0.0  # the control: a look is counted
    is_enabled(ON)
    return in_checks, len(calls) - in_checks


def count_calls() -> list[str]:
    """Every call from now on."""
    calls: list[str] = []
    for kind, names in ((socket.socket, SOCKET_CALLS), (psycopg.Connection, ("connect", "wait"))):
        for name in names:
            setattr(kind, name, counted(getattr(kind, name), calls))
    return calls


def counted(function: Callable[..., Any], calls: list[str]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        calls.append(function.__name__)
        return function(*args, **kwargs)

    return call


def nanoseconds() -> tuple[float, float]:
    """Medians of a check that answers all alike, and of one that draws."""
    know_many_flags()
    statements = (f"is_enabled({ON!r})", f"is_enabled({HALF!r}, context=subject)")
    names = {"is_enabled": is_enabled, "subject": SUBJECT}
    simple, drawn = (timeit.repeat(each, globals=names, number=1000, repeat=300) for each in statements)
    return statistics.median(simple) * 1e6, statistics.median(drawn) * 1e6


def test_checks__make_no_call_to_redis_or_the_database(
    crowd: Crowd, record_property: Callable[[str, object], None]
) -> None:
    [(in_checks, in_a_look)] = crowd.at_once(partial(calls_per_check))

    assert in_checks == 0
    assert in_a_look > 0
    record_property("summary", f"flags, calls to Redis or the database in {2 * CHECKS:,} checks: {in_checks}")


def test_check_among_500_flags__costs_less_than_a_microsecond(
    crowd: Crowd, record_property: Callable[[str, object], None]
) -> None:
    # In a process of its own: a test run may measure coverage, which costs more than the check.
    [(simple, drawn)] = crowd.at_once(partial(nanoseconds))

    assert simple < 1000
    record_property(
        "summary", f"flags, a check among {FLAGS}: {simple:.0f} ns, {drawn:.0f} ns with a share of 50 % by user"
    )
