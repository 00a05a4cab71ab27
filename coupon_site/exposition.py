"""The exposition of all series, byte for byte as prometheus_client writes it, at a small part of the cost.

A line's text up to its value never changes, and most values are those of the last scrape: each child keeps its lines,
and writes them anew only when a value is another one.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, zip_longest
from threading import Lock
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

OPENMETRICS = "application/openmetrics-text"
END = "# EOF\n"
EXPONENTS_FROM = 1e6


def exposition(accept: str) -> tuple[bytes, str]:
    """Every series of this process in the best format that is accepted, and its content type."""
    _, content_type = choose_encoder(accept)
    return PAGES[content_type.startswith(OPENMETRICS)].render(), content_type


class Page:
    """A registry as text. OpenMetrics also carries exemplars."""

    def __init__(self, registry: CollectorRegistry, *, is_open: bool) -> None:
        self.registry = registry
        self.is_open = is_open
        self.families: dict[Collector, Family] = {}
        self.lock = Lock()

    def render(self) -> bytes:
        with self.lock:
            parts = [self.text_of(collector) for collector in list(self.registry._collector_to_names)]
        return "".join([*parts, END if self.is_open else ""]).encode()

    def text_of(self, collector: Collector) -> str:
        """A metric from what its children keep; what makes up its samples for each scrape, by the library."""
        if not isinstance(collector, MetricWrapperBase):
            return written(collector, is_open=self.is_open)
        if collector not in self.families:
            self.families[collector] = Family(collector, is_open=self.is_open)
        return self.families[collector].render()


class Family:
    """A metric: its help and type, then the lines of its children."""

    def __init__(self, metric: MetricWrapperBase, *, is_open: bool) -> None:
        self.metric = metric
        self.is_open = is_open
        self.head = written(One(metric._get_metric()), is_open=is_open)
        self.children: dict[Sequence[str], Child] = {}

    def render(self) -> str:
        living = self.living()
        if len(self.children) > len(living):
            self.children.clear()  # some were removed
        return "".join([self.head, *[self.child(values, metric).render() for values, metric in living.items()]])

    def living(self) -> Mapping[Sequence[str], MetricWrapperBase]:
        if not self.metric._labelnames:
            return {(): self.metric}
        with self.metric._lock:
            return self.metric._metrics.copy()

    def child(self, values: Sequence[str], metric: MetricWrapperBase) -> "Child":
        kept = self.children.get(values)
        if kept is None or kept.metric is not metric:
            family = self.metric._get_metric()
            labels = dict(zip(self.metric._labelnames, values, strict=True))
            for sample in metric._child_samples():
                family.add_sample(f"{family.name}{sample.name}", {**labels, **sample.labels}, sample.value)
            kept = self.children[values] = Child(metric, beginnings(family), is_open=self.is_open)
        return kept


class Child:
    """One set of label values: the lines of its samples, and the values that they show."""

    __slots__ = ("beginnings", "cells", "is_open", "metric", "seen", "text")

    def __init__(self, metric: MetricWrapperBase, beginnings: Sequence[str], *, is_open: bool) -> None:
        self.metric = metric
        self.beginnings = beginnings
        self.is_open = is_open
        self.cells = cells_of(metric)
        self.seen: list[float] = []
        self.text = ""

    def render(self) -> str:
        values = [cell._value for cell in self.cells] if self.cells else self.computed()
        if values != self.seen:
            self.text = "".join(self.lines(values))
            self.seen = values
        return self.text

    def computed(self) -> list[float]:
        """A gauge that asks a function."""
        return [sample.value for sample in self.metric._child_samples()]

    def lines(self, values: list[float]) -> Iterator[str]:
        shown = values
        if isinstance(self.metric, Histogram):
            *buckets, total = values
            counts = list(accumulate(buckets))
            shown = [*counts, counts[-1], total]
        exemplars = [cell._exemplar for cell in self.cells] if self.is_open else []
        for beginning, value, exemplar in zip_longest(self.beginnings, shown, exemplars[: len(shown)]):
            yield f"{beginning}{number(value)}{example(exemplar) if exemplar else ''}\n"


def cells_of(metric: MetricWrapperBase) -> list[Any]:
    """Where a child keeps its values; nowhere when a function is asked for them."""
    match metric:
        case Histogram():
            return [*metric._buckets, metric._sum]
        case Summary():
            return [metric._count, metric._sum]
        case Counter() | Gauge() if "_child_samples" not in vars(metric):
            return [metric._value]
    return []


def number(value: float) -> str:
    """A value as Go writes it."""
    return repr(value) if -EXPONENTS_FROM < value < EXPONENTS_FROM else floatToGoString(value)


def example(exemplar: Exemplar) -> str:
    """What OpenMetrics appends to a line."""
    labels = ",".join(f'{name}="{escaped(value)}"' for name, value in sorted(exemplar.labels.items()))
    return f" # {{{labels}}} {floatToGoString(exemplar.value)} {exemplar.timestamp}"


def escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class One(Collector):
    """A registry of one metric, for the library to write."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self.metric


def written(collector: Collector, *, is_open: bool) -> str:
    """What the library makes of a collector."""
    if is_open:
        return str(generate_openmetrics(collector).decode()).removesuffix(END)
    return generate_latest(collector).decode()


def beginnings(family: Metric) -> list[str]:
    """Each sample's line without its value: the same in both formats."""
    lines = written(One(family), is_open=False).split("\n")
    return [f"{line.rpartition(' ')[0]} " for line in lines if line and not line.startswith("#")]


PAGES = {is_open: Page(REGISTRY, is_open=is_open) for is_open in (False, True)}
