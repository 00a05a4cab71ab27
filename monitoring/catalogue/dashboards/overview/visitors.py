"""What fires, and what visitors get."""

from monitoring.catalogue.dashboards.colors import JOBS, QUANTILES, SEVERITIES
from monitoring.catalogue.dashboards.panel import Column, Panel, Query, Row, Stat, Table
from monitoring.catalogue.dashboards.promql import (
    chosen,
    everywhere,
    lowest,
    number,
    or_zero,
    quantile,
    rate,
    total,
)
from monitoring.catalogue.links import runbook_url

REQUESTS = chosen("http_requests_total")
FAILED = chosen("http_requests_total", 'status=~"5.."')
DURATIONS = chosen("http_request_duration_seconds_bucket")
FIRING = 'ALERTS{alertstate="firing",severity=~"critical|warning|info"}'

FIRST_LOOK = Row(
    title="Now",
    runbook="HighErrorRate",
    panels=(
        Panel(
            title="Firing Alerts",
            text="What Prometheus holds to be wrong now. Each name leads to its runbook.",
            queries=(Query(f"sum by (alertname, severity, service) ({FIRING})", now=True, shape="table"),),
            unit="none",
            view=Table(
                columns=(
                    Column("alertname", "Alert", link=runbook_url("${__value.raw}")),
                    Column("severity", "Severity"),
                    Column("service", "Service"),
                    Column("Value", "Rules", "none"),
                ),
                sort_by="Severity",
                alphabetical=True,
            ),
            colors=tuple((f"^{name}$", color) for name, color in SEVERITIES.items()),
            width=8,
            height=7,
            quiet="alert",
            empty="Nothing fires",
            seeds=("PF2", "PF3"),
        ),
        Panel(
            title="Error Budget",
            text=(
                "What is left of each objective's 30 days. "
                "At 0 % the promise to customers is broken: stop releases, mend."
            ),
            queries=(Query("slo:error_budget_remaining:ratio30d", "{{slo}}", now=True),),
            unit="percentunit",
            view=Stat(trend=False),
            alerts=("SloBudgetExhausted",),
            width=8,
            height=7,
            maximum=1,
        ),
        Panel(
            title="Targets Up",
            text="Processes and exporters that answer the scraper, by job. One that is missing is red.",
            queries=(Query(lowest(everywhere("up"), "job"), "{{job}}", now=True),),
            unit="bool_yes_no",
            view=Stat(trend=False),
            width=5,
            height=7,
        ),
        Panel(
            title="Versions",
            text=(
                "Processes by the build that they run. Two for longer than a release takes: one of them was forgotten."
            ),
            queries=(Query(number(number(chosen("app_build_info"), "version")), "versions", now=True),),
            unit="short",
            view=Stat(trend=False),
            width=3,
            height=7,
        ),
    ),
)


TRAFFIC = Row(
    title="Traffic",
    runbook="HighErrorRate",
    panels=(
        Panel(
            title="Request Rate by Service",
            text="Requests a second, by the kind of process that answers them.",
            queries=(Query(total(rate(REQUESTS), "job"), "{{job}}"),),
            unit="reqps",
            colors=JOBS,
            seeds=("P19", "P27"),
        ),
        Panel(
            title="Response Time Percentiles",
            text="Half of all requests, and 95 of 100, are answered within this time.",
            queries=(
                Query(quantile(0.5, DURATIONS), "p50"),
                Query(quantile(0.95, DURATIONS), "p95", exemplars=True),
            ),
            unit="s",
            alerts=("HighResponseTime",),
            colors=QUANTILES,
            seeds=("P20",),
        ),
        Panel(
            title="HTTP Response Time (p95)",
            text="95 of 100 requests are answered within this time, by the kind of process that answers them.",
            queries=(Query(quantile(0.95, DURATIONS, "job"), "{{job}}"),),
            unit="s",
            colors=JOBS,
            seeds=("P28",),
        ),
        Panel(
            title="Error Rate %",
            text="The share of requests that end in a server error (5xx).",
            queries=(Query(f"{or_zero(total(rate(FAILED)))} / {total(rate(REQUESTS))}", "errors"),),
            unit="percentunit",
            colors=(("errors", "red"),),
            width=12,
            seeds=("P21",),
        ),
        Panel(
            title="HTTP Error Rate (5xx)",
            text="Server errors a second. Many of them are an emergency even where they are a small share.",
            queries=(Query(or_zero(total(rate(FAILED))), "errors"),),
            unit="reqps",
            colors=(("errors", "red"),),
            width=12,
            seeds=("P31",),
        ),
    ),
)
