"""What is sold, what is told to browsers, and what all of it stands on."""

from monitoring.catalogue.dashboards.panel import Lines, Panel, Query, Row, Stat
from monitoring.catalogue.dashboards.promql import (
    chosen,
    everywhere,
    highest,
    increase,
    of,
    or_zero,
    rate,
    state,
    total,
)

IDLE = of("node", "node_cpu_seconds_total", 'mode="idle"')

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
