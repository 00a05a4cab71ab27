"""What came of a soak: what was lost, and how the memory of each process went."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.curves import Curve

WARM = 0.4  # of a process' life: caches fill, buffers find their size
SETTLED_SECONDS = 180.0  # a life that is shorter says nothing about growth
SOCKET_MB = 30 / 1024  # what a connection may take

Point = tuple[float, float, int]  # seconds, MB, sockets


@dataclass
class Outcome:
    """What came of it."""

    events: int = 0
    orders: int = 0
    flag_changes: int = 0
    deliveries: int = 0
    missed: int = 0
    repeated: int = 0
    disordered: int = 0
    foreign: int = 0
    gaps: int = 0
    refetched: int = 0
    kills: list[tuple[float, str]] = field(default_factory=list)
    reconciled: bool = False
    memory: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))

    def add(self, got: Sequence[int], meant: Sequence[int], *, gaps: Sequence[tuple[int, int]]) -> None:
        """What one client got, beside what was meant for it. Who is told of a gap loads the state again."""
        numbers = set(got)
        lacking = set(meant) - numbers
        refetched = {seq for seq in lacking if any(first < seq <= last for first, last in gaps)}
        self.deliveries += len(got)
        self.missed += len(lacking) - len(refetched)
        self.refetched += len(refetched)
        self.foreign += len(numbers - set(meant))
        self.repeated += len(got) - len(numbers)
        self.disordered += sum(later < earlier for earlier, later in itertools.pairwise(got))
        self.gaps += len(gaps)

    def growth(self) -> dict[str, float]:
        """By how much each process grew in its longest life, after it was warm; none that lived too shortly.

        Clients move from node to node as those are killed: what their sockets may take is left out.
        """
        grown = {}
        for name, points in self.memory.items():
            life = max(self.lives(name, points), key=len)
            if len(life) > 4 and life[-1][0] - life[0][0] >= SETTLED_SECONDS:
                warm = [megabytes - sockets * SOCKET_MB for _, megabytes, sockets in life[int(len(life) * WARM) :]]
                third = max(1, len(warm) // 3)
                grown[name] = max(warm[-third:]) / max(warm[:third])
        return grown

    def lives(self, name: str, points: list[Point]) -> list[list[Point]]:
        """The points between two kills."""
        ends = [at for at, killed in self.kills if killed == name]
        return [
            [point for point in points if begin <= point[0] < end]
            for begin, end in itertools.pairwise([0.0, *ends, float("inf")])
        ]

    @property
    def is_whole(self) -> bool:
        return self.reconciled and not (self.missed or self.repeated or self.disordered or self.foreign)


def table(outcome: Outcome) -> str:
    """Markdown, as it goes into a report."""
    lines = [
        "| Events | Orders | Flags set | Kills | Deliveries | Missed | Repeated | Disordered | Foreign "
        "| Gaps | In gaps | Books |",
        f"|{'---:|' * 11}---|",
        f"| {outcome.events:,} | {outcome.orders:,} | {outcome.flag_changes:,} | {len(outcome.kills)} "
        f"| {outcome.deliveries:,} | {outcome.missed} | {outcome.repeated} | {outcome.disordered} | {outcome.foreign} "
        f"| {outcome.gaps} | {outcome.refetched:,} | {'0' if outcome.reconciled else 'broken'} |",
        "",
        "| Process | MB at last | × when warm |",
        "|---|---:|---:|",
    ]
    growth = outcome.growth()
    lines += [
        f"| {name} | {points[-1][1]:.0f} | {growth[name]:.2f} |" if name in growth else f"| {name} | | |"
        for name, points in outcome.memory.items()
    ]
    return "\n".join(lines)


def curves(outcome: Outcome) -> list[Curve]:
    return [Curve(name, [point[:2] for point in points]) for name, points in outcome.memory.items()]
