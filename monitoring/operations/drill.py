"""`manage.py monitoring drill`: break a site of its own in one way after another, and see who hears of it."""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from monitoring.drills import DRILLS, DrillError, rehearse_all, table
from monitoring.stack import StackError

HELP = "Stop servers, fail payments, stall the outbox and slow scans of a site of its own; compare what people hear."
SPEED = 20.0


def add_arguments(parser: ArgumentParser) -> None:
    names = [drill.name for drill in DRILLS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="DRILL", help=f"some of: {', '.join(names)}")
    parser.add_argument(
        "--speed", type=float, default=SPEED, help="how much faster time runs in the rules (default %(default)g)"
    )
    parser.add_argument("--folder", type=Path, help="where the site lives, and is left behind (default: nowhere)")


def run(*, stdout: OutputWrapper, only: list[str] | None, speed: float, folder: Path | None, **options: Any) -> str:
    if speed < 1:
        raise CommandError("--speed is 1 or more.", returncode=2)
    drills = [drill for drill in DRILLS if drill.name in (only or drill.name)]
    begun = time.monotonic()

    def say(line: str) -> None:
        stdout.write(f"{time.monotonic() - begun:5.0f} s  {line}")
        stdout.flush()

    try:
        with a_folder(folder) as place:
            results = rehearse_all(place, drills, speed=speed, say=say)
    except (DrillError, StackError) as error:
        raise CommandError(str(error), returncode=2) from error
    stdout.write(f"\n{table(results)}\n")
    failed = [result.drill.fault for result in results if result.problems]
    if failed:
        raise CommandError(f"Not as expected: {', '.join(failed)}.", returncode=1)
    return (
        f"{len(results)} of {len(results)} faults were heard of, and of their end, in {time.monotonic() - begun:.0f} s."
    )


@contextmanager
def a_folder(wanted: Path | None) -> Iterator[Path]:
    """The folder that was asked for, or one that goes."""
    if wanted:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted.resolve()
        return
    with TemporaryDirectory(prefix="drill-") as name:
        Path(name).chmod(0o755)  # as root, the servers run as somebody else
        yield Path(name)
