"""The outbox, the worker's tasks, webhooks, and events on their way into browsers."""

from monitoring.catalogue.series.series import RELAY, STATE, WEB, WORKERS, counter, gauge, histogram
from monitoring.catalogue.series.site import TASK_SECONDS

OUTBOX = (
    gauge("outbox_queued_total", "Outbox messages and events that wait", jobs=STATE, seeds="002"),
    gauge("outbox_in_flight_total", "Outbox messages and events that are being worked on", jobs=STATE, seeds="002"),
    gauge("outbox_messages", "Outbox messages and events by state", "state", jobs=STATE),
    gauge("outbox_oldest_pending_age_seconds", "Age of the oldest that waits", jobs=STATE),
    gauge("outbox_dead_messages", "Given up: they wait for an operator", jobs=STATE),
    counter("outbox_processed_total", "Outbox messages delivered to their handler", "topic", jobs=WORKERS, seeds="002"),
    counter("outbox_failed_total", "Tries of outbox messages that failed", "topic reason", jobs=WORKERS, seeds="002"),
    histogram(
        "outbox_processing_duration_seconds",
        "Time in a handler",
        "topic",
        buckets=TASK_SECONDS,
        jobs=WORKERS,
        seeds="002",
    ),
    histogram(
        "outbox_retry_count",
        "Failed tries before a message ended",
        buckets=(0, 1, 2, 3, 5, 8, 13),
        jobs=WORKERS,
        seeds="002",
    ),
    histogram("outbox_delivery_delay_seconds", "From due to delivered", buckets=TASK_SECONDS, jobs=WORKERS),
    histogram(
        "outbox_batch_size",
        "Rows taken at once",
        "process",
        buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500),
        jobs=(*WORKERS, *RELAY),
    ),
    gauge("outbox_relay_leader", "1 in the relay that leads", jobs=RELAY),
    counter("outbox_resync_total", "Repairs of a stream from the database", "kind", jobs=RELAY),
)

TASKS = (
    counter(
        "tasks_processed_total", "Calls of handlers and sweeps that ended", "task status", jobs=WORKERS, seeds="003"
    ),
    histogram(
        "task_duration_seconds",
        "Time in a handler or sweep",
        "task",
        buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60),
        jobs=WORKERS,
        seeds="003",
    ),
    gauge("flash_sale_queue_length", "What waits, by queue", "queue", jobs=STATE, seeds="001"),
    gauge("flash_sale_jobs_active", "What is being worked on, by queue", "queue", jobs=STATE, seeds="001"),
    histogram(
        "flash_sale_job_duration_seconds",
        "Time in a handler",
        "queue",
        buckets=TASK_SECONDS,
        jobs=WORKERS,
        seeds="001",
    ),
)

WEBHOOKS = (
    counter("webhook_deliveries_total", "Tries to deliver a webhook", "result", jobs=WORKERS),
    histogram(
        "webhook_delivery_duration_seconds", "Until an endpoint has answered", buckets=TASK_SECONDS, jobs=WORKERS
    ),
    gauge("webhook_deliveries", "Webhooks that wait or were given up, by state", "state", jobs=STATE),
    gauge("webhook_endpoints_failing", "Endpoints that failed last", jobs=STATE),
)

SOCKETS = (
    gauge(
        "websocket_active_connections",
        "Open WebSockets, and event streams (sse)",
        "endpoint",
        jobs=WEB,
        seeds="001 003",
    ),
    gauge("socketio_connections", "Open WebSockets: the sum of websocket_active_connections", jobs=WEB, seeds="003"),
    counter(
        "websocket_disconnections_total",
        "WebSockets and event streams that ended",
        "endpoint reason",
        jobs=WEB,
        seeds="003",
    ),
    counter("realtime_rejected_total", "Connections and messages that were refused", "reason", jobs=WEB),
    gauge("realtime_subscriptions", "Connections that follow a channel", "channel", jobs=WEB),
    counter(
        "realtime_messages_processed_total", "Events this process has fanned out", "channel", jobs=WEB, seeds="003"
    ),
    counter("realtime_deliveries_total", "Events handed to a connection", "channel transport", jobs=WEB),
    histogram(
        "realtime_delivery_delay_seconds", "From commit to the first socket's write", buckets=TASK_SECONDS, jobs=WEB
    ),
    histogram(
        "realtime_fanout_duration_seconds", "Handing one event to all its connections", buckets=TASK_SECONDS, jobs=WEB
    ),
    counter("realtime_slow_evictions_total", "Connections cut off because they read too slowly", jobs=WEB),
    counter("realtime_replay_total", "Events asked for again by a client", "source result", jobs=WEB),
    counter("realtime_gap_total", "Holes that could not be repaired", "reason", jobs=WEB),
    gauge("realtime_hub_lag_events", "Events in Redis that this process has not yet fanned out", jobs=WEB),
    gauge("realtime_send_buffer_bytes_max", "The fullest connection's waiting bytes", jobs=WEB),
    histogram("realtime_event_loop_lag_seconds", "How late the event loop wakes", buckets=TASK_SECONDS, jobs=WEB),
)

STATE_EXPORTER = (
    gauge("state_exporter_last_success_timestamp_seconds", "When the figures were read", "reading", jobs=STATE),
    gauge("reconciliation_broken_rows", "Rows that break an invariant", "invariant", jobs=STATE),
    gauge("django_migrations_unapplied_total", "Count of unapplied migrations", "connection", jobs=STATE),
    gauge("django_migrations_applied_total", "Count of applied migrations", "connection", jobs=STATE),
)
