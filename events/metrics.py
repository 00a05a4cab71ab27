"""What a process counts of the outbox and of real-time delivery. Figures of the database are the state exporter's."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

TASK_STATUSES = ("success", "failed")
REFUSALS = (
    "anonymous",
    "origin",
    "forbidden",
    "unavailable",
    "method_not_allowed",
    "unknown_channel",
    "bad_cursor",
    "rate_limited",
    "too_big",
    "bad_message",
    "bad_ticket",
    "auth_timeout",
    "too_many",
    "too_fast",
    "full",
    "draining",
)
RESYNCS = ("leftovers", "tail", "epoch")
GAPS = ("epoch", "trimmed", "limit")
REPLAYS = (("ring", "recovered"), ("stream", "recovered"), *(("none", reason) for reason in GAPS))
FAILURES = ("error", "dead", "lease_expired", "unknown_handler")
WEBHOOK_RESULTS = ("delivered", "retried", "failed", "gone")
DISCONNECTS = ("normal", "idle", "error", "slow_consumer", "rate_limited")
ENDPOINTS = ("realtime", "monitoring", "sse")
TRANSPORTS = ("ws", "sse")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

# --- Worker ----------------------------------------------------------------------------------------------------------
processed = Counter("outbox_processed_total", "Outbox messages delivered to their handler", ["topic"])
failed = Counter("outbox_failed_total", "Tries of outbox messages that failed", ["topic", "reason"])
processing_duration = Histogram("outbox_processing_duration_seconds", "Time in a handler", ["topic"], buckets=SECONDS)
# The same under an older name, which dashboards of flash sales know.
job_duration = Histogram("flash_sale_job_duration_seconds", "Time in a handler", ["queue"], buckets=SECONDS)
tasks_processed = Counter("tasks_processed_total", "Calls of handlers and sweeps that ended", ["task", "status"])
task_duration = Histogram(
    "task_duration_seconds", "Time in a handler or sweep", ["task"], buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60)
)
retry_count = Histogram("outbox_retry_count", "Failed tries before a message ended", buckets=(0, 1, 2, 3, 5, 8, 13))
delivery_delay = Histogram("outbox_delivery_delay_seconds", "From due to delivered", buckets=SECONDS)
batch_size = Histogram(
    "outbox_batch_size", "Rows taken at once", ["process"], buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500)
)

# --- Webhooks out ----------------------------------------------------------------------------------------------------
webhook_deliveries = Counter("webhook_deliveries_total", "Tries to deliver a webhook", ["result"])
webhook_duration = Histogram("webhook_delivery_duration_seconds", "Until an endpoint has answered", buckets=SECONDS)

# --- Relay -----------------------------------------------------------------------------------------------------------
relay_leader = Gauge("outbox_relay_leader", "1 in the relay that leads")
resyncs = Counter("outbox_resync_total", "Repairs of a stream from the database", ["kind"])

# --- Sockets ---------------------------------------------------------------------------------------------------------
active_connections = Gauge("websocket_active_connections", "Open WebSockets, and event streams (sse)", ["endpoint"])
socketio_connections = Gauge("socketio_connections", "Open WebSockets: the sum of websocket_active_connections")
disconnections = Counter(
    "websocket_disconnections_total", "WebSockets and event streams that ended", ["endpoint", "reason"]
)
rejected = Counter("realtime_rejected_total", "Connections and messages that were refused", ["reason"])
subscriptions = Gauge("realtime_subscriptions", "Connections that follow a channel", ["channel"])
messages_processed = Counter("realtime_messages_processed_total", "Events this process has fanned out", ["channel"])
deliveries = Counter("realtime_deliveries_total", "Events handed to a connection", ["channel", "transport"])
delivery_seconds = Histogram(
    "realtime_delivery_delay_seconds", "From commit to the first socket's write", buckets=SECONDS
)
fanout_duration = Histogram(
    "realtime_fanout_duration_seconds", "Handing one event to all its connections", buckets=SECONDS
)
slow_evictions = Counter("realtime_slow_evictions_total", "Connections cut off because they read too slowly")
replays = Counter("realtime_replay_total", "Events asked for again by a client", ["source", "result"])
gaps = Counter("realtime_gap_total", "Holes that could not be repaired", ["reason"])
hub_lag = Gauge("realtime_hub_lag_events", "Events in Redis that this process has not yet fanned out")
buffered_bytes = Gauge("realtime_send_buffer_bytes_max", "The fullest connection's waiting bytes")
loop_lag = Histogram("realtime_event_loop_lag_seconds", "How late the event loop wakes", buckets=SECONDS)


def start_at_zero(*, channels: Iterable[str]) -> None:
    """Series exist before their first event, so that an increase is never missed."""
    for channel in channels:
        messages_processed.labels(channel)
        for transport in TRANSPORTS:
            deliveries.labels(channel, transport)
        subscriptions.labels(channel)
    for endpoint in ENDPOINTS:
        active_connections.labels(endpoint)
        for reason in DISCONNECTS:
            disconnections.labels(endpoint, reason)
    for reason in REFUSALS:
        rejected.labels(reason)
    for reason in GAPS:
        gaps.labels(reason)
    for source, result in REPLAYS:
        replays.labels(source, result)


def start_work_at_zero(*, topics: Iterable[str], tasks: Iterable[str]) -> None:
    """The same for what only workers count."""
    for topic in topics:
        processed.labels(topic)
        processing_duration.labels(topic)
        job_duration.labels(topic)
        for reason in FAILURES:
            failed.labels(topic, reason)
    for task in tasks:
        task_duration.labels(task)
        for status in TASK_STATUSES:
            tasks_processed.labels(task, status)
    for result in WEBHOOK_RESULTS:
        webhook_deliveries.labels(result)
    batch_size.labels("worker")


def start_relay_at_zero() -> None:
    """The same for what only the relay counts."""
    for kind in RESYNCS:
        resyncs.labels(kind)
    batch_size.labels("relay")
