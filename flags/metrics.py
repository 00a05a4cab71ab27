"""Prometheus series of the flags. Checks are counted in plain integers, which a collector reads at scrape time."""

from collections.abc import Iterator

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector


class Tally:
    """A number that only grows. `tally.count += 1` needs no lock: CPython changes threads at calls and jumps only."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


Counted = tuple[str, str, str]  # flag, variant, reason
_tallies: dict[Counted, Tally] = {}
unknown_checks = Tally()


def tally(flag: str, variant: str, reason: str) -> Tally:
    """The count of one kind of answer, kept over all snapshots of this process."""
    key = (flag, variant, reason)
    return _tallies.get(key) or _tallies.setdefault(key, Tally())


def counts() -> dict[Counted, int]:
    """How often each flag has given each answer, in this process."""
    return {what: each.count for what, each in list(_tallies.items())}


def forget_counts() -> None:
    """A forked child starts at nought: its parent goes on counting its own."""
    for each in (unknown_checks, *_tallies.values()):
        each.count = 0


class EvaluationsCollector(Collector):
    """Reads the tallies, so that a check pays for no label look-up."""

    def describe(self) -> Iterator[Metric]:
        yield from families()

    def collect(self) -> Iterator[Metric]:
        evaluations, unknown = families()
        for labels, count in counts().items():
            if count:  # a flag may say more than anybody has heard
                evaluations.add_metric(labels, count)
        unknown.add_metric([], unknown_checks.count)
        yield from (evaluations, unknown)


def families() -> tuple[CounterMetricFamily, CounterMetricFamily]:
    """Fresh, empty series of checks and of checks of unknown names."""
    return (
        CounterMetricFamily("feature_flag_evaluations", "Flag checks answered", labels=["flag", "variant", "reason"]),
        CounterMetricFamily("feature_flag_unknown", "Checks of names that no flag and no declaration has", labels=[]),
    )


REGISTRY.register(EvaluationsCollector())

SNAPSHOT_AGE = Gauge(
    "feature_flag_snapshot_age_seconds",
    "Since this process last made sure that its flags are the newest; 0 before first use",
)
SNAPSHOT_VERSION = Gauge("feature_flag_snapshot_version", "Version of the flags that this process answers from")
REFRESH_ERRORS = Counter("feature_flag_refresh_errors", "Looks for newer flags that failed", ["source"])
PUBLISH_SECONDS = Histogram(
    "feature_flag_publish_seconds",
    "From a change's commit to Redis",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)
PUBLISH_ERRORS = Counter(
    "feature_flag_publish_errors", "Changes that did not reach Redis at once; the reconciler brings them"
)
DRIFT = Counter(
    "feature_flag_drift", "Differences between Redis and the database that the reconciler repaired", ["kind"]
)

for _source in ("redis", "database"):
    REFRESH_ERRORS.labels(_source)
for _kind in ("missing", "behind", "ahead", "content"):
    DRIFT.labels(_kind)
