"""What is sold, what is told to browsers, and what all of it stands on."""

from typing import Any

from monitoring.catalogue.dashboards.panel import Lines, Panel, Query, Row, Stat, Unit
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


def number(title: str, text: str, query: Query, *, unit: Unit = "short", **words: Any) -> Panel:
    """One figure of the first row."""
    return Panel(title=title, text=text, queries=(query,), unit=unit, view=Stat(), width=4, height=6, **words)


def of_pods(title: str, text: str, expr: str, *, unit: Unit, seed: str) -> Panel:
    """What each pod uses."""
    return Panel(
        title=title,
        text=f"{text} Only where the shop runs in Kubernetes.",
        queries=(Query(total(expr, "pod"), "{{pod}}"),),
        unit=unit,
        width=12,
        quiet="cluster",
        empty="Not in a cluster",
        seeds=(seed,),
    )


BUSINESS = Row(
    title="Business",
    runbook="NoOrdersReceived",
    panels=(
        number(
            "Active Orders",
            "Orders created in the last 5 minutes.",
            Query(total(increase(chosen("orders_created_total"), "5m")), "orders"),
            window="5m",
            decimals=0,
            seeds=("P32",),
        ),
        number(
            "Orders in the Last Hour",
            "None for an hour: either the night is quiet or nobody can buy. Try to buy something.",
            Query(or_zero(total(increase(chosen("orders_created_total"), "1h"))), "orders"),
            window="1h",
            decimals=0,
        ),
        number(
            "Payment Success Rate",
            "The share of payments started in the last 10 minutes that were captured; cards declined count against it.",
            Query(
                f"{total(rate(chosen('payment_success_total'), '10m'))}"
                f" / {total(rate(chosen('payment_total'), '10m'))}",
                "success",
            ),
            unit="percentunit",
            alerts=("LowPaymentSuccessRate",),
            window="10m",
            maximum=1,
            seeds=("P33",),
        ),
        number(
            "Active Tickets",
            "Vouchers that can be used now or later.",
            Query(highest(state("tickets_active_total")), "vouchers"),
            seeds=("P36",),
        ),
        number(
            "Sentry Errors",
            "Errors that any process has logged in the last hour.",
            Query(total(increase(chosen("sentry_errors_total"), "1h")), "errors"),
            window="1h",
            decimals=0,
            seeds=("P37",),
        ),
        number(
            "Cashback Confirmations",
            "Cashback approved, a second.",
            Query(total(rate(chosen("cashback_confirmations_total"))), "confirmed"),
            unit="cps",
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
        of_pods(
            "Pod CPU Usage",
            "Processors used by each pod.",
            rate(everywhere("container_cpu_usage_seconds_total", 'container!=""')),
            unit="short",
            seed="P29",
        ),
        of_pods(
            "Pod Memory Usage",
            "Memory in use by each pod.",
            everywhere("container_memory_working_set_bytes", 'container!=""'),
            unit="bytes",
            seed="P30",
        ),
    ),
)
