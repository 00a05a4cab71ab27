"""`manage.py import_conversions`."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from cashback.models import Conversion, ImportJob, Network, Transfer
from cashback.tests.conftest import Books
from cashback.tests.factories import line, worth, write_file
from coupon_site.identifiers import uuid7
from events.models import OutboxEvent

pytestmark = pytest.mark.django_db
LINES = [line("1", "A", 2), line("C3", "A", -1, at="2010-12-09 00:00:00"), line("4", customer="", price="0.0")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def command(*arguments: str, out: io.StringIO | None = None) -> str:
    out = out or io.StringIO()
    call_command("import_conversions", *arguments, stdout=out)
    return out.getvalue()


def test_file__is_imported_with_a_summary_and_a_sentence(tmp_path: Path, network: Network, broken: Books) -> None:
    printed = command(str(write_file(tmp_path, LINES))).splitlines()

    summary = {" ".join(row.split()[:-1]): row.split()[-1] for row in printed[:-1]}
    assert summary == {
        "Lines": "3",
        "Conversions": "2",
        "new": "2",
        "amended": "0",
        "unchanged": "0",
        "Clawbacks": "1",
        "Rejected lines, by reason(s)": "1",
        "missing_customer": "1",
        "missing_price": "1",
    }
    assert printed[-1] == "Done: 2 conversions and 1 clawbacks from 3 lines, 1 rejected."
    assert worth(network) == {"1": (100, 50)}
    assert broken() == {}


def test_again__says_that_nothing_changed(tmp_path: Path) -> None:
    path = str(write_file(tmp_path, LINES))
    command(path)
    seen = Transfer.objects.count()

    printed = command(path)

    assert printed.splitlines()[-1].startswith("This file was imported before (")
    assert printed.splitlines()[-1].endswith("): nothing changed.")
    assert Transfer.objects.count() == seen


def test_dry_run__tells_the_same_and_changes_nothing(tmp_path: Path) -> None:
    path = str(write_file(tmp_path, LINES))

    printed = command(path, "--dry-run")

    assert printed.splitlines()[-1] == (
        "Dry run: 2 conversions and 1 clawbacks from 3 lines, 1 rejected; nothing was changed."
    )
    assert not ImportJob.objects.exists()
    assert not Conversion.objects.exists()
    assert not OutboxEvent.objects.exists()
    assert command(path).splitlines()[:-1] == printed.splitlines()[:-1]


def test_terminal__shows_a_bar(tmp_path: Path) -> None:
    printed = command(str(write_file(tmp_path, LINES)), out=Terminal())

    assert "\r[" in printed
    assert "#" * 30 in printed


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "No such file"),
        (b"", "the file is empty"),
        (b"a,b\n", "no delimiter"),
        (b"a,b,c,d\n1,2,3,4\n", "no network's profile has its columns"),
        (b"\x00\x01\x02" * 9, "no text"),
        (b"PK\x03\x04\x00\x00", "zip archive"),
    ],
    ids=["missing", "empty", "two columns", "other columns", "no text", "zip"],
)
def test_bad_file__is_one_line_and_status_2(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "file.csv"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CommandError, match=complaint) as error:
        command(str(path))

    assert error.value.returncode == 2
    assert "\n" not in str(error.value)
    assert not ImportJob.objects.exists()


AMBIGUOUS = [line("1", at="03/04/2010 10:00"), line("2", at="05/06/2010 11:30")]


def test_day_or_month_first__is_asked_in_one_line_with_status_2(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="whether the day or the month comes first") as error:
        command(str(write_file(tmp_path, AMBIGUOUS)))

    assert error.value.returncode == 2
    assert not Conversion.objects.exists()


def test_profile_that_is_named__answers_every_question(tmp_path: Path, network: Network) -> None:
    profile = network.profiles.get()
    profile.pk, profile.public_id, profile.name, profile.date_format = None, uuid7(), "Months first", "%m/%d/%Y %H:%M"
    profile.save(force_insert=True)
    path = str(write_file(tmp_path, AMBIGUOUS))

    command(path, "--network", network.slug, "--profile", "Months first")

    assert Conversion.objects.get(external_id="1").occurred_at.month == 3
    with pytest.raises(CommandError, match="no profile Nobody's") as error:
        command(path, "--network", network.slug, "--profile", "Nobody's")
    assert error.value.returncode == 2


def test_likely_order_of_day_and_month__is_taken_and_told(tmp_path: Path, network: Network) -> None:
    days = [line(str(number), at=f"0{number}/12/2010 10:00") for number in range(1, 6)]
    told = io.StringIO()

    call_command("import_conversions", str(write_file(tmp_path, days)), stdout=io.StringIO(), stderr=told)

    assert "Note: No date tells" in told.getvalue()
    assert {each.occurred_at.month for each in Conversion.objects.all()} == {12}


def test_folder_or_unknown_network__is_one_line_and_status_2(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be read: Is a directory") as folder:
        command(str(tmp_path))
    with pytest.raises(CommandError, match="no network nobody") as network:
        command(str(write_file(tmp_path, LINES)), "--network", "nobody")

    assert (folder.value.returncode, network.value.returncode) == (2, 2)


# --- killed ---

INVOICES = 3_000
SIZE = 10
# It does everything but the very last step, so that a kill never comes too late.
ENDLESS = """
import sys, time, django
django.setup()
from django.core.management import call_command
from cashback.services.imports import running
running.finish = lambda job, *, at: time.sleep(600)
call_command("import_conversions", sys.argv[1])
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_again_and_again__goes_on_where_it_was(tmp_path: Path, network: Network, broken: Books) -> None:
    lines = [
        line(str(100_000 + number // SIZE), f"I{number % SIZE}", 1 + number % 3, customer=f"{number // SIZE % 50}.0")
        for number in range(INVOICES * SIZE)
    ]
    path = write_file(tmp_path, lines)

    stages: list[Callable[[ImportJob], object]] = [
        lambda job: job.cursor_rows,
        lambda job: job.cursor_rows > SIZE * INVOICES / 2,
        lambda job: job.applied_to,
    ]
    seen = [kill_when(path, reached) for reached in stages]

    assert [job.cursor_rows for job in seen] == sorted(job.cursor_rows for job in seen)
    assert not any(job.is_finished for job in seen)
    done = start(path)
    assert done.wait(timeout=120) == 0
    job = ImportJob.objects.get()
    assert (job.state, job.lines, job.conversions, job.created_count) == ("done", INVOICES * SIZE, INVOICES, INVOICES)
    assert set(worth(network).values()) == {
        (50 * sum(1 + number % 3 for number in range(start, start + SIZE)), 0) for start in (0, 10, 20)
    }
    assert broken() == {}


def kill_when(path: Path, reached: Callable[[ImportJob], object]) -> ImportJob:
    """Start the command, and kill it as soon as its job has come so far; the job as it is then."""
    process = start(path, "-c", ENDLESS)
    try:
        deadline = time.monotonic() + 120
        while not ((job := ImportJob.objects.first()) and reached(job)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return ImportJob.objects.get()


def start(path: Path, *program: str) -> "subprocess.Popen[bytes]":
    """The command, or another program, with a file."""
    return subprocess.Popen(
        [sys.executable, *(program or ("manage.py", "import_conversions")), str(path)],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "coupon_site.settings", "DATABASE_URL": database_url()},
        stdout=subprocess.DEVNULL,
    )


def database_url() -> str:
    """The address of the database that this test works with."""
    parts = conninfo_to_dict(settings.DATABASE_URL)
    parts.pop("dbname", None)
    user = quote(str(parts.pop("user", "")))
    return f"postgresql://{user}@/{connection.settings_dict['NAME']}?{urlencode(parts)}"
