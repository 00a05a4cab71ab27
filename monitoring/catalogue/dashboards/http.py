"""Requests by path: rate, errors, duration, and what they cost."""

from monitoring.catalogue.alerts.http import CRITICAL_PATHS
from monitoring.catalogue.dashboards.colors import BAD, CALM, CLASSES, NOTICE, OUTCOMES, QUANTILES, STATUSES
from monitoring.catalogue.dashboards.panel import Board, Column, Heat, Lines, Panel, Query, Row, Table
from monitoring.catalogue.dashboards.promql import chosen, highest, increase, mean, or_zero, quantile, rate, total
from monitoring.catalogue.links import Dashboard

PATH = 'path=~"$path"'
REQUESTS = chosen("http_requests_total", PATH)
DURATIONS = chosen("http_request_duration_seconds_bucket", PATH)
CRITICAL = chosen("http_request_duration_seconds_bucket", f'path=~"{CRITICAL_PATHS}"')


def with_status(statuses: str) -> str:
    return chosen("http_requests_total", PATH, f'status=~"{statuses}"')


def count_of(series: str) -> str:
    """How often a path was asked for within the chosen time."""
    return total(increase(series, "$__range"), "path")


RATE = Row(
    title="Rate",
    runbook="HighErrorRate",
    panels=(
        Panel(
            title="HTTP Request Rate",
            text="Requests a second, by status code.",
            queries=(Query(total(rate(REQUESTS), "status"), "{{status}}"),),
            unit="reqps",
            view=Lines(stacked=True),
            colors=STATUSES,
            seeds=("P15",),
        ),
        Panel(
            title="Requests against Last Week",
            text="The same hours a week ago, dashed. A gap between the two that no campaign explains is worth a look.",
            queries=(
                Query(total(rate(REQUESTS)), "now"),
                Query(total(f"rate({REQUESTS}[$__rate_interval] offset 1w)"), "a week ago"),
            ),
            unit="reqps",
            colors=(("now", CALM), ("a week ago", "text")),
            quiet="last_week",
        ),
        Panel(
            title="Requests in Progress",
            text="Requests that are being answered now.",
            queries=(Query(total(chosen("http_active_connections"), "instance"), "{{instance}}"),),
            unit="short",
        ),
    ),
)

ERRORS = Row(
    title="Errors",
    runbook="HighErrorRateByPath",
    panels=(
        Panel(
            title="Errors by Class",
            text="4xx: visitors asked for what we refuse. 5xx: we failed.",
            queries=(
                Query(or_zero(total(rate(with_status("4..")))), "4xx"),
                Query(or_zero(total(rate(with_status("5..")))), "5xx"),
            ),
            unit="reqps",
            colors=CLASSES,
        ),
        Panel(
            title="Error Rate by Path",
            text="The ten paths with the largest share of requests that end in a server error.",
            queries=(
                Query(
                    f"topk(10, {total(rate(with_status('5..')), 'path')} / {total(rate(REQUESTS), 'path')})", "{{path}}"
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            title="Top Errors",
            text="The ten commonest server errors of the last hour.",
            queries=(
                Query(
                    f"topk(10, {total(increase(with_status('5..'), '1h'), 'path', 'status')} > 0)",
                    now=True,
                    shape="table",
                ),
            ),
            unit="short",
            view=Table(
                columns=(
                    Column(
                        "path", "Path", link="/d/shop-http?var-path=${__value.raw:percentencode}&${__url_time_range}"
                    ),
                    Column("status", "Status"),
                    Column("Value", "Errors", "short"),
                ),
                sort_by="Errors",
            ),
            colors=STATUSES,
            window="1h",
            decimals=0,
            quiet="errors",
            empty="No server errors",
            seeds=("P18",),
        ),
    ),
)

DURATION = Row(
    title="Duration",
    runbook="ApiResponseTimeHigh",
    panels=(
        Panel(
            title="API Response Time",
            text="95 and 99 of 100 requests are answered within this time. The dots are single requests with their id.",
            queries=(
                Query(quantile(0.95, DURATIONS), "p95", exemplars=True),
                Query(quantile(0.99, DURATIONS), "p99"),
            ),
            unit="s",
            alerts=("HighResponseTime",),
            colors=QUANTILES,
            seeds=("P8",),
        ),
        Panel(
            title="Response Time of Critical Paths",
            text="Sign-in, orders and payments: where a visitor who waits is a customer who leaves.",
            queries=(Query(quantile(0.95, CRITICAL), "p95", exemplars=True),),
            unit="s",
            colors=QUANTILES,
        ),
        Panel(
            title="Voucher Scan Latency",
            text="95 of 100 scans at a till are answered within this time.",
            queries=(Query(quantile(0.95, chosen("http_request_duration_seconds_bucket", 'path="/api/scan"')), "p95"),),
            unit="s",
            colors=QUANTILES,
        ),
        Panel(
            title="Response Time Heatmap",
            text="All requests by how long they took. Two bands mean two kinds of requests, or a cache that is missed.",
            queries=(Query(total(increase(DURATIONS), "le"), "{{le}}", shape="heatmap"),),
            unit="short",
            view=Heat(axis="s"),
            width=12,
        ),
        Panel(
            title="Slowest Paths",
            text="Paths by the time within which 95 of 100 requests were answered, over the chosen time.",
            queries=(
                Query(
                    f"topk(15, histogram_quantile(0.95, {total(increase(DURATIONS, '$__range'), 'path', 'le')}))",
                    now=True,
                    shape="table",
                ),
                Query(count_of(REQUESTS), now=True, shape="table"),
            ),
            unit="s",
            view=Table(
                columns=(
                    Column(
                        "path", "Path", link="/d/shop-http?var-path=${__value.raw:percentencode}&${__url_time_range}"
                    ),
                    Column("Value #A", "p95", "s"),
                    Column("Value #B", "Requests", "short"),
                ),
                sort_by="p95",
            ),
            window="$__range",
            width=12,
        ),
    ),
)

COST = Row(
    title="Cost",
    runbook="HighResponseTime",
    panels=(
        Panel(
            title="Database Queries per Request",
            text=(
                "Statements that an average request sends to the database, by path. "
                "One that grows has lost its prefetch."
            ),
            queries=(Query(mean("http_request_db_queries", "path", matchers=(PATH,)), "{{path}}"),),
            unit="short",
        ),
        Panel(
            title="Request Size",
            text="The average body that visitors send, by path.",
            queries=(Query(mean("http_request_size_bytes", "path", matchers=(PATH,)), "{{path}}"),),
            unit="bytes",
        ),
        Panel(
            title="Response Size",
            text="The average body that we send, by path.",
            queries=(Query(mean("http_response_size_bytes", "path", matchers=(PATH,)), "{{path}}"),),
            unit="bytes",
        ),
        Panel(
            title="Database Statements",
            text="Statements sent to the database, a second, by the kind of process.",
            queries=(Query(total(rate(chosen("django_db_execute_total")), "job"), "{{job}}"),),
            unit="ops",
            width=6,
        ),
        Panel(
            title="Database Statement Time (p95)",
            text="95 of 100 statements are answered within this time.",
            queries=(Query(quantile(0.95, chosen("django_db_query_duration_seconds_bucket"), "job"), "{{job}}"),),
            unit="s",
            width=6,
        ),
        Panel(
            title="Cache",
            text="Look-ups in the cache that found something, and those that did not, a second.",
            queries=(
                Query(total(rate(chosen("django_cache_get_hits_total"))), "hits"),
                Query(total(rate(chosen("django_cache_get_misses_total"))), "misses"),
            ),
            unit="ops",
            view=Lines(stacked=True),
            colors=(("hits", "green"), ("misses", NOTICE)),
            width=6,
        ),
        Panel(
            title="Feature Flags",
            text="Flag checks answered, a second, by flag and by what the answer was.",
            queries=(
                Query(total(rate(chosen("feature_flag_evaluations_total")), "flag", "variant"), "{{flag}} {{variant}}"),
            ),
            unit="ops",
            view=Lines(stacked=True),
            width=6,
        ),
        Panel(
            title="Age of the Flags",
            text="Since the process that is furthest behind made sure that its flags are the newest.",
            queries=(Query(highest(chosen("feature_flag_snapshot_age_seconds"), "job"), "{{job}}"),),
            unit="s",
            width=6,
        ),
        Panel(
            title="Flags to Look at",
            text="Flags that may go, by why, and planned changes that wait, by state.",
            queries=(
                Query(highest(chosen("feature_flag_stale"), "reason"), "stale: {{reason}}"),
                Query(highest(chosen("feature_flag_planned_changes"), "state"), "planned: {{state}}"),
            ),
            unit="short",
            width=6,
        ),
        Panel(
            title="Answers of Visitors' Mistakes",
            text=(
                "Requests that we refuse, a second, by status. "
                "Many 401, 403 or 429 from one moment on: somebody tries doors."
            ),
            queries=(Query(or_zero(total(rate(with_status("4..")), "status")), "{{status}}"),),
            unit="reqps",
            view=Lines(stacked=True),
            colors=(*OUTCOMES, ("^429$", BAD)),
            width=12,
        ),
    ),
)

HTTP = Board(
    uid=Dashboard.HTTP,
    title="HTTP by path",
    text="Requests by path: rate, errors, duration, and what they cost.",
    rows=(RATE, ERRORS, DURATION, COST),
    by_path=True,
)
