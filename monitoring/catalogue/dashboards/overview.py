"""The first look: is the shop open, do its customers get what they came for, and what fires."""

from monitoring.catalogue.dashboards.colors import JOBS, QUANTILES, SEVERITIES
from monitoring.catalogue.dashboards.panel import Board, Column, Lines, Panel, Query, Row, Stat, Table
from monitoring.catalogue.dashboards.promql import (
    chosen,
    everywhere,
    highest,
    increase,
    lowest,
    number,
    of,
    or_zero,
    quantile,
    rate,
    state,
    total,
)
from monitoring.catalogue.links import Dashboard, runbook_url

REQUESTS = chosen("http_requests_total")
FAILED = chosen("http_requests_total", 'status=~"5.."')
DURATIONS = chosen("http_request_duration_seconds_bucket")
IDLE = of("node", "node_cpu_seconds_total", 'mode="idle"')
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

BUSINESS = Row(
    title="Business",
    runbook="NoOrdersReceived",
    panels=(
        Panel(
            title="Active Orders",
            text="Orders created in the last 5 minutes.",
            queries=(Query(total(increase(chosen("orders_created_total"), "5m")), "orders"),),
            unit="short",
            view=Stat(),
            window="5m",
            width=4,
            height=6,
            decimals=0,
            seeds=("P32",),
        ),
        Panel(
            title="Orders in the Last Hour",
            text="None for an hour: either the night is quiet or nobody can buy. Try to buy something.",
            queries=(Query(or_zero(total(increase(chosen("orders_created_total"), "1h"))), "orders"),),
            unit="short",
            view=Stat(),
            window="1h",
            width=4,
            height=6,
            decimals=0,
        ),
        Panel(
            title="Payment Success Rate",
            text=(
                "The share of payments started in the last 10 minutes that were captured; cards declined "
                "count against it."
            ),
            queries=(
                Query(
                    f"{total(rate(chosen('payment_success_total'), '10m'))}"
                    f" / {total(rate(chosen('payment_total'), '10m'))}",
                    "success",
                ),
            ),
            unit="percentunit",
            view=Stat(),
            alerts=("LowPaymentSuccessRate",),
            window="10m",
            width=4,
            height=6,
            maximum=1,
            seeds=("P33",),
        ),
        Panel(
            title="Active Tickets",
            text="Vouchers that can be used now or later.",
            queries=(Query(highest(state("tickets_active_total")), "vouchers"),),
            unit="short",
            view=Stat(),
            width=4,
            height=6,
            seeds=("P36",),
        ),
        Panel(
            title="Sentry Errors",
            text="Errors that any process has logged in the last hour.",
            queries=(Query(total(increase(chosen("sentry_errors_total"), "1h")), "errors"),),
            unit="short",
            view=Stat(),
            window="1h",
            width=4,
            height=6,
            decimals=0,
            seeds=("P37",),
        ),
        Panel(
            title="Cashback Confirmations",
            text="Cashback approved, a second.",
            queries=(Query(total(rate(chosen("cashback_confirmations_total"))), "confirmed"),),
            unit="cps",
            view=Stat(),
            width=4,
            height=6,
        ),
    ),
)

REALTIME = Row(
    title="Realtime",
    runbook="WebSocketDisconnectSpike",
    panels=(
        Panel(
            title="WebSocket Connections",
            text="Open sockets, over all processes.",
            queries=(Query(total(chosen("websocket_active_connections"), "endpoint"), "{{endpoint}}"),),
            unit="short",
            view=Lines(stacked=True),
            seeds=("P22",),
        ),
        Panel(
            title="Realtime Messages/sec",
            text="Events that the web processes have passed on to their sockets, a second.",
            queries=(Query(total(rate(chosen("realtime_messages_processed_total"))), "messages"),),
            unit="mps",
            seeds=("P23",),
        ),
        Panel(
            title="WebSocket Disconnects/sec",
            text="Sockets that end, a second. A peak without a release: see the reasons on the realtime dashboard.",
            queries=(Query(total(rate(chosen("websocket_disconnections_total"))), "disconnects"),),
            unit="cps",
            seeds=("P24",),
        ),
    ),
)

MACHINES = Row(
    title="Machines and stores",
    runbook="HighCPUUsage",
    panels=(
        Panel(
            title="CPU Usage %",
            text="The share of a machine's time in which its processors work.",
            queries=(Query(f"1 - avg by (instance) ({rate(IDLE)})", "{{instance}}"),),
            unit="percentunit",
            alerts=("HighCPUUsage/node",),
            width=6,
            maximum=1,
            seeds=("P25",),
        ),
        Panel(
            title="Memory Usage %",
            text="The share of a machine's memory that is not available to a new process.",
            queries=(
                Query(
                    f"1 - {of('node', 'node_memory_MemAvailable_bytes')} / {of('node', 'node_memory_MemTotal_bytes')}",
                    "{{instance}}",
                ),
            ),
            unit="percentunit",
            alerts=("HighMemoryUsage/node",),
            width=6,
            maximum=1,
            seeds=("P26",),
        ),
        Panel(
            title="Database Connections",
            text="Connections that PostgreSQL serves, against those it allows.",
            queries=(
                Query(total(of("postgres", "pg_stat_activity_count"), "state"), "{{state}}"),
                Query(highest(of("postgres", "pg_settings_max_connections")), "allowed"),
            ),
            unit="short",
            width=6,
            seeds=("P34",),
        ),
        Panel(
            title="Redis Operations/sec",
            text="Commands that Redis answers, a second.",
            queries=(Query(total(rate(of("redis", "redis_commands_processed_total"))), "commands"),),
            unit="ops",
            width=6,
            seeds=("P35",),
        ),
        Panel(
            title="Pod CPU Usage",
            text="Processors used by each pod. Only where the shop runs in Kubernetes.",
            queries=(
                Query(total(rate(everywhere("container_cpu_usage_seconds_total", 'container!=""')), "pod"), "{{pod}}"),
            ),
            unit="short",
            width=12,
            quiet="cluster",
            empty="Not in a cluster",
            seeds=("P29",),
        ),
        Panel(
            title="Pod Memory Usage",
            text="Memory in use by each pod. Only where the shop runs in Kubernetes.",
            queries=(
                Query(total(everywhere("container_memory_working_set_bytes", 'container!=""'), "pod"), "{{pod}}"),
            ),
            unit="bytes",
            width=12,
            quiet="cluster",
            empty="Not in a cluster",
            seeds=("P30",),
        ),
    ),
)

OVERVIEW = Board(
    uid=Dashboard.OVERVIEW,
    title="Shop overview",
    text="The first look: is the shop open, do customers get what they came for, and what fires.",
    rows=(FIRST_LOOK, TRAFFIC, BUSINESS, REALTIME, MACHINES),
    since="now-6h",
    seeds=("PF2", "PF3"),
)
