"""Requests, errors, flags, and what every process of the site shows of itself."""

from monitoring.catalogue.series.series import SITE, STATE, WEB, WORKERS, counter, gauge, histogram, summary

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
FLAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
CALL_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TASK_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

HTTP = (
    counter("http_requests_total", "HTTP requests answered", "method path status", jobs=WEB, seeds="000 002 003 004"),
    histogram(
        "http_request_duration_seconds",
        "Time from request to answer",
        "method path",
        buckets=REQUEST_SECONDS,
        jobs=WEB,
        seeds="000 002 003 004",
    ),
    gauge("http_active_connections", "HTTP requests in progress", jobs=WEB, seeds="002"),
    summary("http_request_size_bytes", "Bodies of requests that had one", "path", jobs=WEB),
    summary("http_response_size_bytes", "Bodies of answers that are not streams", "path", jobs=WEB),
    summary("http_request_db_queries", "Statements sent to the database for a request", "path", jobs=WEB),
    counter("sentry_errors_total", "Errors that were logged", "level", jobs=SITE, seeds="004"),
    counter("alerts_received_total", "Alerts that Alertmanager has told of", "status", jobs=WEB),
)

OTHERS = (
    counter("upstream_requests_total", "Requests to others, by class of their answer", "service status", jobs=WORKERS),
    histogram(
        "upstream_request_duration_seconds",
        "Until another service has answered, or failed to",
        "service",
        buckets=CALL_SECONDS,
        jobs=WORKERS,
        seeds="001",
    ),
)

FLAGS = (
    counter("feature_flag_evaluations_total", "Flag checks answered", "flag variant reason", jobs=SITE, seeds="000"),
    counter("feature_flag_unknown_total", "Checks of names that no flag and no declaration has", jobs=SITE),
    gauge(
        "feature_flag_snapshot_age_seconds",
        "Since this process last made sure that its flags are the newest; 0 before first use",
        jobs=SITE,
        seeds="000",
    ),
    gauge("feature_flag_snapshot_version", "Version of the flags that this process answers from", jobs=SITE),
    counter("feature_flag_refresh_errors_total", "Looks for newer flags that failed", "source", jobs=SITE),
    histogram("feature_flag_publish_seconds", "From a change's commit to Redis", buckets=FLAG_SECONDS, jobs=SITE),
    counter(
        "feature_flag_publish_errors_total",
        "Changes that did not reach Redis at once; the reconciler brings them",
        jobs=SITE,
    ),
    counter(
        "feature_flag_drift_total",
        "Differences between Redis and the database that the reconciler repaired",
        "kind",
        jobs=SITE,
    ),
    gauge("feature_flag_stale", "Flags that may go, by why", "reason", jobs=STATE),
    gauge("feature_flag_planned_changes", "Changes of flags that wait, by state", "state", jobs=STATE),
)

PROCESS = (
    gauge("app_build_info", "1 for the build that runs", "version commit", jobs=SITE),
    counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", jobs=SITE, seeds="000"),
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", jobs=SITE, seeds="000"),
    gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", jobs=SITE),
    gauge(
        "process_start_time_seconds", "Start time of the process since unix epoch in seconds.", jobs=SITE, seeds="002"
    ),
    gauge("process_open_fds", "Number of open file descriptors.", jobs=SITE),
    gauge("process_max_fds", "Maximum number of open file descriptors.", jobs=SITE),
    counter("python_gc_objects_collected_total", "Objects collected during gc", "generation", jobs=SITE),
    counter("python_gc_objects_uncollectable_total", "Uncollectable objects found during GC", "generation", jobs=SITE),
    counter("python_gc_collections_total", "Number of times this generation was collected", "generation", jobs=SITE),
    gauge(
        "python_info",
        "Python platform information",
        "implementation major minor patchlevel version",
        jobs=SITE,
    ),
)

# What django-prometheus shows of the database, the models and the cache.
DJANGO = (
    counter(
        "django_db_execute_total",
        "Counter of executed statements by database and by vendor, including bulk executions.",
        "alias vendor",
        jobs=SITE,
        seeds="003",
    ),
    counter(
        "django_db_execute_many_total",
        "Counter of executed statements in bulk operations by database and by vendor.",
        "alias vendor",
        jobs=SITE,
    ),
    histogram(
        "django_db_query_duration_seconds",
        "Histogram of query duration by database and vendor.",
        "alias vendor",
        buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        jobs=SITE,
        seeds="003",
    ),
    counter(
        "django_db_new_connections_total",
        "Counter of created connections by database and by vendor.",
        "alias vendor",
        jobs=SITE,
    ),
    counter(
        "django_db_new_connection_errors_total",
        "Counter of connection failures by database and by vendor.",
        "alias vendor",
        jobs=SITE,
    ),
    counter(
        "django_db_errors_total",
        "Counter of execution errors by database, vendor and exception type.",
        "alias vendor type",
        jobs=SITE,
    ),
    counter("django_model_inserts_total", "Number of insert operations by model.", "model", jobs=SITE),
    counter("django_model_updates_total", "Number of update operations by model.", "model", jobs=SITE),
    counter("django_model_deletes_total", "Number of delete operations by model.", "model", jobs=SITE),
    counter("django_cache_get_total", "Total get requests on cache", "backend", jobs=SITE),
    counter("django_cache_get_hits_total", "Total hits on cache", "backend", jobs=SITE),
    counter("django_cache_get_misses_total", "Total misses on cache", "backend", jobs=SITE),
    counter("django_cache_get_fail_total", "Total get request failures by cache", "backend", jobs=SITE),
)
