"""What must happen to the figures before an alert fires, and what may happen without."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

Phases = tuple[float | None, ...]


@dataclass(frozen=True)
class Values:
    """A series by its phases: what it shows in each, or adds a minute, or how many seconds ago it is. None: nothing."""

    phases: Phases
    a_minute: Literal["as it is", "added up", "ago"] = "as it is"

    def notation(self, bounds: tuple[int, ...]) -> str:
        """Promtool's words, with a sample a minute; phase n lasts from bound n to bound n + 1."""
        words, value = [], 0.0
        for phase, (start, end) in zip(self.phases, pairwise(bounds), strict=True):
            length = end - start
            if phase is None:
                words.append(f"_x{length}")
            elif self.a_minute == "added up":
                words.append(f"{value + phase:.12g}+{phase:.12g}x{length - 1}")
                value += phase * length
            elif self.a_minute == "ago":
                words.append(f"{60 * start - phase:.12g}+60x{length - 1}")
            else:
                words.append(f"{phase:.12g}+0x{length - 1}")
        return " ".join(words)


def shows(*phases: float | None) -> Values:
    """A gauge."""
    return Values(phases)


def grows(*a_minute: float | None) -> Values:
    """A counter."""
    return Values(a_minute, "added up")


def seconds_ago(*phases: float | None) -> Values:
    """A moment that keeps its distance from now, as promtool's clock starts at 0."""
    return Values(phases, "ago")


Feeds = Mapping[str, Values]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """An alert's life in minutes: healthy until `breaks`, broken until `heals`, healthy again until `ends`."""

    alert: str
    scope: str = ""
    feeds: Feeds  # of three phases each
    breaks: int = 10
    fires: int  # the first minute at which it does
    heals: int
    resolves: int  # the first minute at which it is over
    labels: Mapping[str, str] = field(default_factory=dict)  # besides or instead of the rule's own
    description: str  # while it fires, in the last broken minute
    quiet: tuple[Feeds, ...] = ()  # of one phase, or healthy and almost broken: at the limit, or nothing to judge by
    evaluated_every: int = 1

    @property
    def ends(self) -> int:
        return self.resolves + 10 * self.evaluated_every

    @property
    def bounds(self) -> tuple[int, ...]:
        return (0, self.breaks, self.heals, self.ends)

    def quiet_bounds(self, feeds: Feeds) -> tuple[int, ...]:
        """As long as it takes to fire, and longer."""
        phases = {len(values.phases) for values in feeds.values()}
        return (0, self.heals + 1) if phases == {1} else (0, self.breaks, self.heals + 1)


def one_series(
    alert: str, series: str, goes: Values, still_fine: Values | None = None, *, heals: int = 30, **words: Any
) -> Scenario:
    """The life of an alert that looks at one series, which may go as far as `still_fine`; over as soon as it heals."""
    quiet = ({series: still_fine},) if still_fine else ()
    words.setdefault("resolves", heals)
    return Scenario(alert=alert, feeds={series: goes}, quiet=quiet, heals=heals, **words)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An alert that always fires."""

    alert: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What recordings give: minute → expression → labels of each sample → its value."""

    title: str
    feeds: Feeds
    bounds: tuple[int, ...]
    moments: Mapping[int, Mapping[str, Mapping[str, float]]]
    evaluated_every: int = 1
