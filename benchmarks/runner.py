"""What every benchmark shares: measuring a process, a table, and a plot of ratios."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import NamedTuple

import psutil

BAR, ROW, LEFT = 420, 28, 320
TOOK = "took="


class Measure(NamedTuple):
    """One process: how long it says that its job took, and what it used from start to end."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    job_cpu_seconds: float = 0  # of the job alone, with PostgreSQL's part of it


class Result(NamedTuple):
    """A contender's figures at one size; `ratio` is to the first contender of that size."""

    job: str
    contender: str
    per_second: float
    cpu_seconds: float
    peak_mb: float
    ratio: float


def measure(words: Sequence[str], env: Mapping[str, str]) -> Measure:
    """Run a command to its end. Raises RuntimeError when it fails."""
    with subprocess.Popen(words, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own words
        assert process.stdout is not None  # noqa: S101  it is a pipe
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    last = said.split()[-1] if said.split() else ""
    seconds, _, cpu = last.removeprefix(TOOK).partition("/") if last.startswith(TOOK) else ("0", "", "")
    return Measure(float(seconds), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, float(cpu or 0))


def table(results: Sequence[Result]) -> str:
    """Markdown, as it goes into a report."""
    lines = ["| Job | Contender | per second | × first | CPU s | peak MB |", "|---|---|---:|---:|---:|---:|"]
    lines += [
        f"| {each.job} | {each.contender} | {each.per_second:,.0f} | {each.ratio:.1f} | {each.cpu_seconds:.1f} "
        f"| {each.peak_mb:.0f} |"
        for each in results
    ]
    return "\n".join(lines)


def plot(results: Sequence[Result], path: Path, *, title: str) -> None:
    """Ratios as bars, longest the fastest; an SVG that any browser shows."""
    longest = max(each.ratio for each in results)
    bars = "".join(bar(each, number, longest) for number, each in enumerate(results))
    height = ROW * (len(results) + 2)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + BAR + 90} {height}" font-family="sans-serif" '
        f'font-size="13"><text x="8" y="20" font-weight="bold">{escape(title)}</text>{bars}</svg>\n'
    )


def bar(result: Result, number: int, longest: float) -> str:
    y, width = ROW * (number + 1), max(BAR * result.ratio / longest, 1)
    return (
        f'<text x="8" y="{y + 18}">{escape(f"{result.job}, {result.contender}")}</text>'
        f'<rect x="{LEFT}" y="{y + 4}" width="{width:.1f}" height="{ROW - 8}" fill="#059669"/>'
        f'<text x="{LEFT + width + 6:.1f}" y="{y + 18}">{result.ratio:.1f} ×</text>'
    )


def machine() -> str:
    """What it ran on: figures of two machines are not compared."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
    return f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


@contextmanager
def timed(postgres_seconds: Callable[[], float] = lambda: 0.0) -> Iterator[None]:
    """Lets `measure` know how long the job itself took, without what comes before it, and what of the processor."""
    began, used = time.monotonic(), time.process_time() + postgres_seconds()
    yield
    took = time.monotonic() - began
    say(f"{TOOK}{took}/{time.process_time() + postgres_seconds() - used}")


def sessions_seconds(backend: int) -> float:
    """Of the processor, by the sessions that a PostgreSQL has now; one of them is `backend`."""
    postmaster = psutil.Process(backend).parent()
    sessions = [each for each in postmaster.children() if "[local]" in " ".join(each.cmdline())] if postmaster else []
    return sum(sum(each.cpu_times()[:2]) for each in sessions)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
