"""Queries as Grafana sends them, and where it sends them to."""

from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import prometheus
from grafana_foundation_sdk.models.common import DataSourceRef

from monitoring.catalogue.dashboards.panel import Query
from monitoring.catalogue.dashboards.selectors import selectors
from monitoring.catalogue.series import SAMPLES

# Whichever Prometheus is chosen at the top of the page.
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
# Grafana's own database: annotations that were posted to it.
GRAFANA = DataSourceRef(type_val="grafana", uid="-- Grafana --")

# Jobs that are scraped less often than the rest; a rate over fewer than four of their scrapes would flicker.
SLOW_JOBS = frozenset({"node", "redis", "postgres", "nginx", "alertmanager", "blackbox"})
SLOW_INTERVAL = "30s"

SHAPES = {
    "time_series": prometheus.PromQueryFormat.TIME_SERIES,
    "table": prometheus.PromQueryFormat.TABLE,
    "heatmap": prometheus.PromQueryFormat.HEATMAP,
}


def target_of(query: Query, *, number: int = 0) -> prometheus.Dataquery:
    """A query with the letter by which tables name its column."""
    target = (
        Dataquery()
        .expr(query.expr)
        .ref_id(chr(ord("A") + number))
        .legend_format(query.legend)
        .format(SHAPES[query.shape])
        .exemplar(query.exemplars)
        .editor_mode(prometheus.QueryEditorMode.CODE)
    )
    built = (target.instant() if query.now else target.range()).build()
    built.datasource = SOURCE
    built.interval = SLOW_INTERVAL if is_slow(query) else None
    return built


def is_slow(query: Query) -> bool:
    """Whether it asks for a series of such a job."""
    return any(SLOW_JOBS & {*SAMPLES[each.name].jobs} for each in selectors(query.expr) if each.name in SAMPLES)
