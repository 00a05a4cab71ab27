"""One series: what a process shows under one name."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram", "summary"]

UNITS = ("seconds", "bytes", "usd", "minor", "units", "ratio")
SAMPLES_OF: dict[Kind, tuple[str, ...]] = {
    "counter": ("",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
}

# Jobs of Prometheus: who shows it.
WEB = ("app-web",)
WORKERS = ("app-worker", "app-import")
IMPORTER = ("app-import",)
RELAY = ("app-realtime",)
STATE = ("app-state",)
SITE = ("app-web", "app-worker", "app-import", "app-realtime", "app-state")


@dataclass(frozen=True, kw_only=True)
class Series:
    """A name that nobody changes without saying so: rules, panels and people rely on it."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    jobs: tuple[str, ...]
    seeds: tuple[str, ...] = ()  # numbers of the sources that name it
    buckets: tuple[float, ...] = ()  # upper bounds, without +Inf

    @property
    def unit(self) -> str:
        """What a value is counted in, by the name; empty for a plain number."""
        words = self.name.removesuffix("_total").split("_")
        return next((unit for unit in UNITS if unit in words), "")

    @property
    def samples(self) -> tuple[str, ...]:
        """The names that a query may ask for."""
        return tuple(f"{self.name}{suffix}" for suffix in SAMPLES_OF[self.kind])

    @property
    def is_misnamed(self) -> bool:
        """A gauge with a counter's suffix: dashboards out there know it by that name."""
        return self.kind == "gauge" and self.name.endswith("_total")


def counter(name: str, text: str, labels: str = "", *, jobs: tuple[str, ...], seeds: str = "") -> Series:
    """Only grows; `labels` and `seeds` are words."""
    return Series(
        name=name, kind="counter", help=text, labels=tuple(labels.split()), jobs=jobs, seeds=tuple(seeds.split())
    )


def gauge(name: str, text: str, labels: str = "", *, jobs: tuple[str, ...], seeds: str = "") -> Series:
    """Goes up and down."""
    return Series(
        name=name, kind="gauge", help=text, labels=tuple(labels.split()), jobs=jobs, seeds=tuple(seeds.split())
    )


def summary(name: str, text: str, labels: str = "", *, jobs: tuple[str, ...], seeds: str = "") -> Series:
    """A sum and a count."""
    return Series(
        name=name, kind="summary", help=text, labels=tuple(labels.split()), jobs=jobs, seeds=tuple(seeds.split())
    )


def histogram(  # noqa: PLR0913  a histogram has so many parts
    name: str, text: str, labels: str = "", *, buckets: tuple[float, ...], jobs: tuple[str, ...], seeds: str = ""
) -> Series:
    """How many stayed below each bound."""
    return Series(
        name=name,
        kind="histogram",
        help=text,
        labels=tuple(labels.split()),
        jobs=jobs,
        seeds=tuple(seeds.split()),
        buckets=buckets,
    )
