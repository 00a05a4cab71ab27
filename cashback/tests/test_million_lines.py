"""A million lines: flat memory, and none lost or doubled when the process is killed on the way."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cashback.models import CashbackEvent, Conversion, ImportJob, Network
from cashback.tests.conftest import Books
from cashback.tests.factories import HEADER, balances
from cashback.tests.test_import_command import start

LINES, SIZE, CUSTOMERS = 1_000_000, 50, 2_000
FEW = 10_000
ALLOWANCE_MB = 48
PRICES = ("2.55", "3.39", "0.85", "1.25", "7.95")
CENTS = (255, 339, 85, 125, 795)
PATIENCE = 600

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def make_file(path: Path, lines: int, *, first: int) -> int:
    """Invoices of `SIZE` lines each, from a number on; what they are worth together, in minor units."""
    total = 0
    with path.open("w") as file:
        file.write(f"{HEADER}\n")
        for number in range(first, first + lines // SIZE):
            minute = number % 1440
            head = f"2010-12-{1 + number // 1440 % 28:02d} {minute // 60:02d}:{minute % 60:02d}:00"
            customer = 10_000 + number % CUSTOMERS
            for item in range(SIZE):
                quantity, price = 1 + (number + item) % 12, (number + item) % 5
                total += quantity * CENTS[price]
                file.write(f"{number},I{item},LANTERN,{quantity},{head},{PRICES[price]},{customer}.0,United Kingdom\n")
    return total


def test_million_lines_killed_twice__are_all_there_once_in_flat_memory(
    tmp_path: Path, network: Network, broken: Books
) -> None:
    few, many = tmp_path / "few.csv", tmp_path / "many.csv"
    small = make_file(few, FEW, first=1_000_000)
    total = make_file(many, LINES, first=2_000_000)
    modest = peak_mb(start(few))

    peaks = [kill_at(many, progress) for progress in (0.25, 0.75)]
    peaks.append(peak_mb(start(many)))

    job = ImportJob.objects.latest("pk")
    assert (job.state, job.lines, job.rejected, job.conversions, job.created_count) == (
        "done",
        LINES,
        0,
        LINES // SIZE,
        LINES // SIZE,
    )
    assert sum(Conversion.objects.values_list("gross_minor", flat=True)) == small + total
    assert CashbackEvent.objects.count() == (LINES + FEW) // SIZE
    assert sum(pending for pending, _ in balances().values()) == sum(
        CashbackEvent.objects.values_list("original_minor", flat=True)
    )
    assert max(peaks) < modest + ALLOWANCE_MB, (modest, peaks)
    assert broken() == {}


def kill_at(path: Path, progress: float) -> float:
    """Start the import, and kill it as soon as it has come so far."""
    process = start(path)
    deadline = time.monotonic() + PATIENCE
    while not ((job := ImportJob.objects.filter(filename=path.name).first()) and job.progress >= progress):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    return peak_mb(process, ends_with=-signal.SIGKILL)


def peak_mb(process: "subprocess.Popen[bytes]", *, ends_with: int = 0) -> float:
    """The most memory that a process held, once it has ended."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == ends_with
    return usage.ru_maxrss / 1024
