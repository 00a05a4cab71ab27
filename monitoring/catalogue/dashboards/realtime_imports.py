"""Events on their way into browsers, files on their way into the database, and the tasks in between."""

from monitoring.catalogue.dashboards.colors import BAD, GOOD, NOTICE, OTHER, OUTCOMES, QUANTILES
from monitoring.catalogue.dashboards.panel import Board, Column, Heat, Lines, Panel, Query, Row, Stat, Table
from monitoring.catalogue.dashboards.promql import chosen, highest, increase, quantile, rate, state, total
from monitoring.catalogue.links import Dashboard

REASONS = (
    ("^normal$", GOOD),
    ("^idle$", "light-blue"),
    ("^error$", BAD),
    ("^slow_consumer$", NOTICE),
    ("^rate_limited$", OTHER),
)
DELAY = chosen("realtime_delivery_delay_seconds_bucket")
TASKS = chosen("tasks_processed_total")
FAILED_TASKS = chosen("tasks_processed_total", 'status="failed"')
TASK_SECONDS = chosen("task_duration_seconds_bucket")

SOCKETS = Row(
    title="Sockets",
    runbook="WebSocketDisconnectSpike",
    panels=(
        Panel(
            title="WebSocket Connections",
            text="Open sockets, by endpoint.",
            queries=(Query(total(chosen("websocket_active_connections"), "endpoint"), "{{endpoint}}"),),
            unit="short",
            view=Lines(stacked=True),
            seeds=("P22",),
        ),
        Panel(
            title="Realtime Messages/sec",
            text="Events that the web processes have passed on, a second, by channel.",
            queries=(Query(total(rate(chosen("realtime_messages_processed_total")), "channel"), "{{channel}}"),),
            unit="mps",
            view=Lines(stacked=True),
            seeds=("P23",),
        ),
        Panel(
            title="WebSocket Disconnects/sec",
            text="Sockets that end, a second, by reason.",
            queries=(Query(total(rate(chosen("websocket_disconnections_total")), "reason"), "{{reason}}"),),
            unit="cps",
            view=Lines(stacked=True),
            colors=REASONS,
            seeds=("P24",),
        ),
        Panel(
            title="Sockets Broken Off in 5 Minutes",
            text="Sockets that ended in the last 5 minutes without anybody wanting it.",
            queries=(
                Query(
                    total(increase(chosen("websocket_disconnections_total", 'reason!="normal"'), "5m"), "reason"),
                    "{{reason}}",
                ),
            ),
            unit="short",
            view=Lines(stacked=True),
            window="5m",
            colors=REASONS,
            decimals=0,
        ),
        Panel(
            title="Followers by Channel",
            text="Connections that follow a channel.",
            queries=(Query(total(chosen("realtime_subscriptions"), "channel"), "{{channel}}"),),
            unit="short",
        ),
        Panel(
            title="Refused Connections and Messages",
            text="What the socket's door refuses, a second, by reason. One reason that climbs: a client in a loop.",
            queries=(Query(total(rate(chosen("realtime_rejected_total")), "reason"), "{{reason}}"),),
            unit="cps",
            view=Lines(stacked=True),
        ),
    ),
)

DELIVERY = Row(
    title="Delivery",
    runbook="RealtimeDeliverySlow",
    panels=(
        Panel(
            title="Delivery Delay",
            text="From the commit of a change until the first socket has it.",
            queries=tuple(Query(quantile(share, DELAY), f"p{share * 100:.0f}") for share in (0.5, 0.95, 0.99)),
            unit="s",
            colors=QUANTILES,
        ),
        Panel(
            title="Delivery Delay Heatmap",
            text="All deliveries by how long they took.",
            queries=(Query(total(increase(DELAY), "le"), "{{le}}", shape="heatmap"),),
            unit="short",
            view=Heat(axis="s"),
        ),
        Panel(
            title="Deliveries/sec",
            text="Events handed to connections, a second, by the way they are connected.",
            queries=(Query(total(rate(chosen("realtime_deliveries_total")), "transport"), "{{transport}}"),),
            unit="mps",
            view=Lines(stacked=True),
        ),
        Panel(
            title="Hub Lag",
            text="Events that are in Redis and that a process has not passed on yet.",
            queries=(Query(highest(chosen("realtime_hub_lag_events"), "instance"), "{{instance}}"),),
            unit="short",
        ),
        Panel(
            title="Event Loop Lag",
            text="How late an event loop wakes. Late for all its sockets at once: something blocks it.",
            queries=(
                Query(quantile(0.99, chosen("realtime_event_loop_lag_seconds_bucket")), "p99"),
                Query(quantile(0.5, chosen("realtime_event_loop_lag_seconds_bucket")), "p50"),
            ),
            unit="s",
            colors=QUANTILES,
        ),
        Panel(
            title="Slow Consumers",
            text=(
                "Connections cut off in the last 5 minutes because they read too slowly, so that the "
                "others do not wait."
            ),
            queries=(Query(total(increase(chosen("realtime_slow_evictions_total"), "5m")), "cut off"),),
            unit="short",
            window="5m",
            decimals=0,
            colors=(("cut off", NOTICE),),
        ),
        Panel(
            title="Fullest Send Buffer",
            text="Bytes that wait for the slowest connection of a process.",
            queries=(Query(highest(chosen("realtime_send_buffer_bytes_max"), "instance"), "{{instance}}"),),
            unit="bytes",
        ),
        Panel(
            title="Gaps",
            text="Holes in a client's stream that could not be repaired, in the last 5 minutes. Any is too many.",
            queries=(Query(total(increase(chosen("realtime_gap_total"), "5m"), "reason"), "{{reason}}"),),
            unit="short",
            window="5m",
            decimals=0,
        ),
        Panel(
            title="Leading Relays",
            text="Exactly one relay leads. None: events wait. Two cannot be: the lock is in the database.",
            queries=(Query(total(chosen("outbox_relay_leader")), "leaders", now=True),),
            unit="short",
            view=Stat(),
        ),
    ),
)

IMPORTS = Row(
    title="Imports",
    runbook="ImportJobStalled",
    panels=(
        Panel(
            title="Import Jobs",
            text="Imports that ended in the last hour, by how.",
            queries=(Query(total(increase(chosen("import_jobs_total"), "1h"), "status"), "{{status}}"),),
            unit="short",
            view=Lines(stacked=True),
            window="1h",
            colors=OUTCOMES,
            decimals=0,
        ),
        Panel(
            title="Imported Rows/sec",
            text="Lines of files, a second, by what came of them.",
            queries=(Query(total(rate(chosen("import_rows_total")), "result"), "{{result}}"),),
            unit="cps",
            view=Lines(stacked=True),
            colors=OUTCOMES,
        ),
        Panel(
            title="Import Duration",
            text="From an import's start to its end.",
            queries=(
                Query(quantile(0.5, chosen("import_job_duration_seconds_bucket"), window="1h"), "p50"),
                Query(quantile(0.95, chosen("import_job_duration_seconds_bucket"), window="1h"), "p95"),
            ),
            unit="s",
            window="1h",
            colors=QUANTILES,
        ),
        Panel(
            title="Imports in Progress",
            text="Imports that are being worked on.",
            queries=(Query(total(chosen("import_jobs_in_progress")), "in progress"),),
            unit="short",
            width=12,
            height=6,
        ),
        Panel(
            title="Stalled Imports",
            text="Imports that count as running and do nothing.",
            queries=(Query(highest(state("import_jobs_stalled")), "stalled", now=True),),
            unit="short",
            view=Stat(),
            width=12,
            height=6,
        ),
    ),
)

WORK = Row(
    title="Tasks",
    runbook="OutboxFailedMessages",
    panels=(
        Panel(
            title="Tasks/sec",
            text="Handlers and tasks that ran, a second.",
            queries=(Query(total(rate(TASKS), "task"), "{{task}}"),),
            unit="ops",
            view=Lines(stacked=True),
            width=10,
            height=9,
        ),
        Panel(
            title="Tasks",
            text="Every handler and task of the chosen time: how often it ran, how often it failed, how long it took.",
            queries=(
                Query(total(increase(TASKS, "$__range"), "task"), now=True, shape="table"),
                Query(
                    total(increase(FAILED_TASKS, "$__range"), "task"),
                    now=True,
                    shape="table",
                ),
                Query(
                    f"histogram_quantile(0.95, {total(increase(TASK_SECONDS, '$__range'), 'task', 'le')})",
                    now=True,
                    shape="table",
                ),
            ),
            unit="short",
            view=Table(
                columns=(
                    Column("task", "Task"),
                    Column("Value #A", "Runs", "short"),
                    Column("Value #B", "Failed", "short"),
                    Column("Value #C", "p95", "s"),
                ),
                sort_by="Runs",
            ),
            window="$__range",
            decimals=0,
            width=14,
            height=9,
        ),
    ),
)

REALTIME_IMPORTS = Board(
    uid=Dashboard.REALTIME_IMPORTS,
    title="Realtime and imports",
    text="Events on their way into browsers, files on their way into the database, and the tasks in between.",
    rows=(SOCKETS, DELIVERY, IMPORTS, WORK),
    seeds=("PF2",),
)
