"""What a dashboard says, before it is Grafana's: rows of panels, each with its queries, its unit and its alerts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from zlib import crc32

Unit = Literal[
    "short",
    "none",
    "percentunit",
    "s",
    "dtdurations",
    "bytes",
    "Bps",
    "binBps",
    "reqps",
    "ops",
    "mps",
    "cps",
    "eps",
    "currencyUSD",
    "string",
    "bool_yes_no",
    "dateTimeFromNow",
]
Shape = Literal["time_series", "table", "heatmap"]


@dataclass(frozen=True)
class Query:
    """One PromQL expression. `now` asks for the newest value alone, else for the whole time range."""

    expr: str
    legend: str = ""
    now: bool = False
    shape: Shape = "time_series"
    exemplars: bool = False


@dataclass(frozen=True)
class Lines:
    """Curves over time."""

    stacked: bool = False
    legend: bool = True
    logarithmic: bool = False


@dataclass(frozen=True)
class Stat:
    """Numbers in large letters; `trend` draws their course behind them."""

    trend: bool = True


@dataclass(frozen=True)
class Dial:
    """One number on a scale."""


@dataclass(frozen=True)
class Pie:
    """Shares of a whole."""


@dataclass(frozen=True)
class Bars:
    """One bar for each series, or for each bucket of a histogram."""


@dataclass(frozen=True)
class Heat:
    """Buckets of a histogram over time."""

    axis: Unit = "s"


@dataclass(frozen=True)
class Column:
    """A column of a table: the field that Prometheus answers with, and what stands above it."""

    field: str
    header: str
    unit: Unit = "string"
    link: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of labels and numbers, the largest of `sort_by` first, or the first of the alphabet."""

    columns: tuple[Column, ...]
    sort_by: str
    alphabetical: bool = False


View = Lines | Stat | Dial | Pie | Bars | Heat | Table
# What fills a panel that is empty while all is well.
Fill = Literal["errors", "alert", "last_week", "cluster", "redis_limit", "backups", "alertmanagers"]


def number_of(title: str) -> int:
    """A number of its own for each title."""
    return crc32(title.encode()) % 1_000_000 + 1


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture. Its title is its name within the dashboard, and its id follows from it."""

    title: str
    text: str
    queries: tuple[Query, ...]
    unit: Unit
    view: View = Lines()
    alerts: tuple[str, ...] = ()  # whose thresholds it shows besides those of its own: names, or name/scope
    width: int = 8
    height: int = 8
    colors: tuple[tuple[str, str], ...] = ()
    window: str = ""  # the one fixed range that its queries may look back over; else $__rate_interval
    seeds: tuple[str, ...] = ()
    quiet: Fill | None = None
    maximum: float | None = None
    decimals: int | None = None
    empty: str = ""  # what stands there when there is nothing to show

    @cached_property
    def id(self) -> int:
        """Stays the same when panels come and go around it, so that links to it stay good."""
        return number_of(self.title)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels that belong together; `runbook` is where to read on when they look bad."""

    title: str
    panels: tuple[Panel, ...]
    runbook: str
    folded: bool = False

    @cached_property
    def id(self) -> int:
        return number_of(f"row {self.title}")


@dataclass(frozen=True, kw_only=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    text: str
    rows: tuple[Row, ...]
    refresh: str = "30s"
    since: str = "now-1h"
    jobs: str = "app-.*"  # which jobs its variable offers
    by_path: bool = False
    seeds: tuple[str, ...] = ()

    def panels(self) -> Iterator[Panel]:
        for row in self.rows:
            yield from row.panels
