"""What a scrape costs, beside django-prometheus: `python -m benchmarks.scrape`.

Both show the site's own series and those of fifty views with four statuses each, through Django's WSGI application.
Between two scrapes every view is asked again (`busy`), or none (`idle`). Processor time counts, divided by the series.
"""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmarks.runner import TOOK, Result, measure, plot, say
from benchmarks.trivial import OURS, PEER, STATUSES, VIEWS, built, set_up, start_response, wsgi_environ

SCRAPES = 50
TIMES = ("busy", "idle")


def scrape(contender: str, when: str) -> float:
    """The processor's microseconds for one series of a scrape."""
    from django.core.wsgi import get_wsgi_application

    set_up()
    application = built(contender, get_wsgi_application)

    def get(path: str) -> bytes:
        return b"".join(application(wsgi_environ(path), start_response))

    def ask_all() -> None:
        for number in range(VIEWS):
            for status in STATUSES:
                get(f"/view-{number}/{status}")

    ask_all()
    page = f"/metrics/{contender}"
    get(page)
    taken = []
    for _ in range(SCRAPES):
        if when == "busy":
            ask_all()
        began = time.process_time()
        body = get(page)
        taken.append(time.process_time() - began)
    series = sum(1 for line in body.splitlines() if line and not line.startswith(b"#"))
    return median(taken) / series * 1e6


def work(contender: str, when: str) -> None:
    """What a measured process does."""
    say(f"{TOOK}{scrape(contender, when)}")


def compete(rounds: int) -> dict[tuple[str, str], float]:
    """(when, contender) → microseconds for a series: the median of rounds that take turns."""
    taken: dict[tuple[str, str], list[float]] = {(when, name): [] for when in TIMES for name in (PEER, OURS)}
    for number in range(rounds):
        for (when, contender), values in taken.items():
            done = measure([sys.executable, "-m", "benchmarks.scrape", "--work", contender, when], {})
            values.append(done.seconds)
            say(f"round {number + 1}: {when}, {contender}: {done.seconds:.2f} µs a series")
    return {key: median(values) for key, values in taken.items()}


def table(figures: Mapping[tuple[str, str], float]) -> str:
    """Markdown, as it goes into a report."""
    lines = ["| Between scrapes | Shown by | µs a series | × django-prometheus |", "|---|---|---:|---:|"]
    lines += [
        f"| {when} | {contender} | {own:.2f} | {own / figures[when, PEER]:.3f} |"
        for (when, contender), own in figures.items()
    ]
    return "\n".join(lines)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path, default=Path("var/scrape.svg"))
    parser.add_argument("--work", nargs=2, metavar=("CONTENDER", "WHEN"), help="only do what is measured")
    options = parser.parse_args()
    if options.work:
        work(*options.work)
        return
    figures = compete(options.rounds)
    say(table(figures))
    options.plot.parent.mkdir(exist_ok=True)
    results = [
        Result(when, contender, 1e6 / own, own / 1e6, 0, figures[when, PEER] / own)
        for (when, contender), own in figures.items()
    ]
    plot(results, options.plot, title="Series shown in the same time, beside django-prometheus")


if __name__ == "__main__":
    main()
