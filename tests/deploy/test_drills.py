"""Five faults on a whole site: the real Prometheus and Alertmanager tell the right people the right words in time."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monitoring.drills import DRILLS, rehearse_all, table
from monitoring.stack.commands import PROGRAMS
from tests.binaries import require_binary

pytestmark = [pytest.mark.xdist_group("drills"), pytest.mark.slow]

SPEED = 20
ALL_SECONDS = 600


def test_each_fault__is_heard_of_and_so_is_its_end(record_property: Callable[[str, object], None]) -> None:
    for program in PROGRAMS.values():
        require_binary(program.binary)
    begun = time.monotonic()

    with TemporaryDirectory(prefix="drill-") as name:
        Path(name).chmod(0o755)
        results = rehearse_all(Path(name), DRILLS, speed=SPEED, say=print)

    record_property("summary", f"Drills, {SPEED} times faster:\n{table(results)}")
    assert [problem for result in results for problem in result.problems] == []
    assert {result.drill.name for result in results} == {"scans", "outbox", "redis", "postgres", "payments"}
    assert time.monotonic() - begun < ALL_SECONDS
