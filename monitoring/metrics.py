"""Series of every process: HTTP requests, logged errors, received alerts, which build runs."""

from prometheus_client import Counter, Gauge, Histogram, Summary

# Every threshold of an alert or an objective is one of these bounds.
DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
LOG_LEVELS = ("error", "critical")
ALERT_STATUSES = ("firing", "resolved")

http_requests_total = Counter("http_requests_total", "HTTP requests answered", ["method", "path", "status"])
http_request_duration_seconds = Histogram(
    "http_request_duration_seconds", "Time from request to answer", ["method", "path"], buckets=DURATION_BUCKETS
)
http_request_size_bytes = Summary("http_request_size_bytes", "Bodies of requests that had one", ["path"])
http_response_size_bytes = Summary("http_response_size_bytes", "Bodies of answers that are not streams", ["path"])
http_request_db_queries = Summary("http_request_db_queries", "Statements sent to the database for a request", ["path"])
http_active_connections = Gauge("http_active_connections", "HTTP requests in progress")
sentry_errors_total = Counter("sentry_errors_total", "Errors that were logged", ["level"])
alerts_received_total = Counter("alerts_received_total", "Alerts that Alertmanager has told of", ["status"])
app_build_info = Gauge("app_build_info", "1 for the build that runs", ["version", "commit"])

for _level in LOG_LEVELS:
    sentry_errors_total.labels(_level)
for _status in ALERT_STATUSES:
    alerts_received_total.labels(_status)
