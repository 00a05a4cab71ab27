"""What processes of a crowd do while a server fails: check flags without end, and tell what they saw.

Two flags: `shop.open` is on and must stay so in every answer, `shop.sale` is turned while they look.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from flags import is_enabled
from flags.current import current
from flags.listener import Listener
from flags.metrics import tally
from flags.tests.conftest import wait_until
from flags.tests.standstill import nap

STEADY, TURNED = "shop.open", "shop.sale"
PAUSE_SECONDS = 0.0005
SCHEDULER = Path("/proc/thread-self/schedstat")
# A check that has waited for Redis as long as it may.
DELAY_SECONDS = 0.045


@dataclass
class Seen:
    """By one process. Moments are of the clock that all processes share."""

    checks: int = 0
    failed: int = 0
    longest: float = 0.0
    delays: int = 0
    turns: list[tuple[float, bool]] = field(default_factory=list)
    standstills: list[tuple[float, float]] = field(default_factory=list)

    def stood_still(self, since: float, until: float) -> float:
        """For how many of these seconds a busy machine kept it from looking."""
        return sum(max(0.0, min(end, until) - max(began, since)) for began, end in self.standstills)


def check(*, folder: str, deaf: bool = False, database: str = "") -> Seen:
    """Once the flags are known, check both until there is a file `stop` in the folder."""
    if deaf:
        Listener.ensure = lambda self: None  # type: ignore[method-assign]
    if database:
        use_database(database)
    wait_until(lambda: is_enabled(STEADY))
    seen, stop = Seen(failed=-errors()), Path(folder, "stop")
    look(seen, folder)
    while not stop.exists():
        for _ in range(20):
            look(seen, folder)
            if still := nap(PAUSE_SECONDS):
                end = time.monotonic()
                seen.standstills.append((end - still, end))
    seen.failed += errors()
    return seen


def look(seen: Seen, folder: str) -> None:
    """Two checks, the first of them timed. What a busy machine makes a thread wait for a processor is left out."""
    began, queued = time.monotonic(), queued_seconds()
    steady = is_enabled(STEADY)
    took = time.monotonic() - began - (queued_seconds() - queued)
    turned = is_enabled(TURNED)
    seen.checks += 2
    seen.failed += not steady
    seen.longest = max(seen.longest, took)
    seen.delays += took > DELAY_SECONDS
    if not seen.turns or seen.turns[-1][1] != turned:
        seen.turns.append((time.monotonic(), turned))
        Path(folder, f"turn-{len(seen.turns) - 1}-{os.getpid()}").touch()


def queued_seconds() -> float:
    """How long this thread has waited for a processor so far; 0.0 where the system does not tell."""
    try:
        return int(SCHEDULER.read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def errors() -> int:
    """Checks that could not be answered, whatever was said instead."""
    return sum(tally(name, "", "ERROR").count for name in ("", STEADY, TURNED))


def use_database(url: str, *, patience: float = 0.5) -> None:
    """Another database than the crowd's, for this process; for so long does it wait for a connection."""
    connection.close()
    connection.close_pool()
    connection.settings_dict.update(options_of(url, patience))
    current.forget()


def options_of(url: str, patience: float) -> dict[str, Any]:
    """Of Django's connection settings, what differs."""
    words = conninfo_to_dict(url)
    pool = {"min_size": 0, "max_size": 4, "timeout": patience}
    return {
        "NAME": words["dbname"],
        "HOST": words["host"],
        "PORT": words.get("port", ""),
        "OPTIONS": {**connection.settings_dict["OPTIONS"], "pool": pool},
    }
