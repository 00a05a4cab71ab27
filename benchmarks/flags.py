"""One check of a flag, beside django-waffle, Unleash, Flagsmith and OpenFeature: `python -m benchmarks.flags`.

The limit is a dictionary in a function, once more with a hash of the user. Contenders take turns, each in a process of
its own; the others in an environment that has them (`benchmarks/flags_requirements.txt`).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.flags_peers import FLAGS, HALF, ON, SECTIONS, is_half, report, subject
from benchmarks.runner import Result, plot, say

SIZES = (10, 100, 1_000, 5_000)
LIMIT, OURS = "dictionary in a function", "ours"
KINDS = {"on": "the same for all", "half": "50 % by user"}
BARS = {"on": 3.0, "half": 4.0}
Figures = Mapping[tuple[str, str], float]


def limit() -> None:
    states = {f"flag-{number}": True for number in range(FLAGS)}
    shares = {f"flag-{number}": (f"flag-{number}:".encode(), 50) for number in range(FLAGS)}

    def is_on(name: str) -> bool:
        return states.get(name, False)

    def is_drawn(name: str, user: int) -> bool:
        salt, percent = shares[name]
        return zlib.crc32(salt + b"%d" % user) % 100 < percent

    report(LIMIT, "on", lambda number: is_on(ON))
    report(LIMIT, "half", lambda number: is_drawn(HALF, number))


def ours() -> None:
    know(FLAGS)
    from flags import is_enabled

    report(OURS, "on", lambda number: is_enabled(ON))
    report(OURS, "half", lambda number: is_enabled(HALF, context=subject(number)))


def growth() -> None:
    """The same two checks among more and more flags."""
    for size in SIZES:
        know(size)
        from flags import is_enabled

        report(f"{size}", "on", lambda number: is_enabled(ON))
        report(f"{size}", "half", lambda number: is_enabled(HALF, context=subject(number)))


def know(size: int) -> None:
    """Flags of this process; nobody looks for newer ones."""
    import django

    os.environ.update(LOCAL="1", DJANGO_SETTINGS_MODULE="coupon_site.settings")
    django.setup()
    from flags.current import current
    from flags.definition import Rule
    from flags.document import Document, FlagState

    half = (Rule(id="half", percent=50.0),)
    flags = {
        f"flag-{number}": FlagState(enabled=True, version=1, rules=half if is_half(number) else ())
        for number in range(size)
    }
    current.forget()
    current.install(Document(1, flags))
    current._due = time.monotonic() + 3600


OWN: dict[str, Callable[[], None]] = {"limit": limit, "ours": ours, "growth": growth}


def compete(rounds: int, peers: str, *addresses: str) -> Figures:
    """(contender, kind) → nanoseconds for a check: the median of rounds that take turns."""
    others = [[peers, "-m", "benchmarks.flags_peers", name, *addresses] for name in SECTIONS] if peers else []
    commands = [*([sys.executable, "-m", "benchmarks.flags", "--work", name] for name in OWN), *others]
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(rounds):
        for command in commands:
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  our own words
            for line in done.stdout.splitlines():
                found = json.loads(line)
                taken[found["name"], found["kind"]].append(found["ns"])
        say(f"round {number + 1} of {rounds}")
    return {key: median(values) for key, values in taken.items()}


def table(figures: Figures) -> str:
    """Markdown, as it goes into a report."""
    lines = ["| Check | Contender | ns | × limit | × ours |", "|---|---|---:|---:|---:|"]
    for kind, words in KINDS.items():
        own, least = figures[OURS, kind], figures[LIMIT, kind]
        contenders = sorted((ns, name) for (name, each), ns in figures.items() if each == kind and not name.isdigit())
        lines += [f"| {words} | {name} | {ns:,.0f} | {ns / least:,.1f} | {ns / own:,.1f} |" for ns, name in contenders]
        lines.append(f"| {words} | bar: {BARS[kind]:g} × the limit | {BARS[kind] * least:,.0f} | {BARS[kind]:g} | |")
    lines += ["", "| Flags | ns | × 10 flags | ns, 50 % by user | × 10 flags |", "|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {size:,} | "
        + " | ".join(
            f"{figures[f'{size}', kind]:.0f} | {figures[f'{size}', kind] / figures['10', kind]:.2f}" for kind in KINDS
        )
        + " |"
        for size in SIZES
    ]
    return "\n".join(lines)


def results(figures: Figures) -> Sequence[Result]:
    """For the plot: how many checks each makes while the slowest makes one."""
    slowest = {kind: max(ns for (name, each), ns in figures.items() if each == kind) for kind in KINDS}
    return [
        Result(KINDS[kind], name, 1e9 / ns, ns / 1e9, 0, slowest[kind] / ns)
        for (name, kind), ns in sorted(figures.items(), key=lambda item: (item[0][1], item[1]))
        if not name.isdigit()
    ]


def measure(rounds: int, peers: str) -> Figures:
    """Beside servers of its own, which some of the others ask."""
    from coupon_site.servers import EmbeddedServers

    with tempfile.TemporaryDirectory(prefix="flags-") as folder:
        Path(folder).chmod(0o755)
        servers = EmbeddedServers(Path(folder))
        with servers.running():
            return compete(rounds, peers, servers.redis_url, servers.database_url)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="var/flags/bin/python", help="a Python that has the others; empty: none")
    parser.add_argument("--plot", type=Path, default=Path("var/flags.svg"))
    parser.add_argument("--work", choices=OWN, help="only do what is measured")
    options = parser.parse_args()
    if options.work:
        OWN[options.work]()
        return
    figures = measure(options.rounds, options.peers)
    say(table(figures))
    plot(results(figures), options.plot, title="Checks of a flag in the same time")


if __name__ == "__main__":
    main()
