"""How drills went, as people read it."""

from collections.abc import Iterator, Mapping, Sequence

from monitoring.drills.drill import Receiver
from monitoring.drills.rehearsal import Result

HEAD = ("fault", "alert", "seconds to", "over after", "text")
KINDS = {"slack": "Slack", "discord": "Discord", "email": "mail"}
LONGEST_TEXT = 90


def table(results: Sequence[Result]) -> str:
    """A line a drill: fault, alert, seconds to each stand-in, seconds from the end of the fault, text."""
    rows = [HEAD, *(tuple(cells_of(result)) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    problems = [f"! {result.drill.fault}: {problem}" for result in results for problem in result.problems]
    return "\n".join([*lines, *problems])


def cells_of(result: Result) -> Iterator[str]:
    yield result.drill.fault
    yield result.drill.alert
    yield each_of(result.fired)
    yield f"{max(result.resolved.values()):.1f} s" if result.resolved else "-"
    yield short(result.texts[0]) if result.texts else "-"


def each_of(times: Mapping[Receiver, float]) -> str:
    """`Slack 9.8, Discord 9.8, mail 9.9`."""
    return ", ".join(f"{KINDS[receiver.kind]} {seconds:.1f}" for receiver, seconds in times.items()) or "-"


def short(text: str) -> str:
    """The first lines of a notice, after its title."""
    lines = [line.strip(" *") for line in text.splitlines() if line.strip()]
    said = " ".join(lines[1:3])
    return said if len(said) <= LONGEST_TEXT else f"{said[: LONGEST_TEXT - 1]}…"
