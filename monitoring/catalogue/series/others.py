"""What exporters and the monitoring itself show, as far as rules and panels ask for it."""

from monitoring.catalogue.series.series import counter, gauge, histogram, summary

ANY: tuple[str, ...] = ("every job",)
NODE, REDIS, POSTGRES, NGINX = ("node",), ("redis",), ("postgres",), ("nginx",)
PROBES, CONTAINERS, PODS = ("blackbox",), ("cadvisor",), ("kube-state-metrics",)
PROMETHEUS, ALERTMANAGER = ("prometheus",), ("alertmanager",)

SCRAPES = (
    gauge("up", "1 for a target that answered", jobs=ANY, seeds="003"),
    gauge("scrape_duration_seconds", "Time until a target had answered", jobs=ANY),
    gauge("scrape_samples_scraped", "Samples of a target's answer", jobs=ANY),
    gauge("scrape_samples_post_metric_relabeling", "Samples that were kept of it", jobs=ANY),
    gauge(
        "ALERTS", "1 for an alert that is pending or fires", "alertname alertstate severity service", jobs=PROMETHEUS
    ),
)

MACHINES = (
    counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", "cpu mode", jobs=NODE, seeds="002 003"),
    gauge("node_memory_MemTotal_bytes", "Memory of the machine", jobs=NODE, seeds="002 003"),
    gauge("node_memory_MemAvailable_bytes", "Memory that is free or can be freed", jobs=NODE, seeds="002 003"),
    gauge("node_load1", "Load of the last minute", jobs=NODE),
    gauge("node_boot_time_seconds", "When the machine started", jobs=NODE),
    counter("node_disk_io_time_seconds_total", "Seconds spent doing I/O", "device", jobs=NODE, seeds="002 003"),
    counter("node_disk_read_bytes_total", "Bytes read", "device", jobs=NODE),
    counter("node_disk_written_bytes_total", "Bytes written", "device", jobs=NODE),
    gauge(
        "node_filesystem_avail_bytes",
        "Space for other users than root",
        "device fstype mountpoint",
        jobs=NODE,
        seeds="003 004",
    ),
    gauge("node_filesystem_size_bytes", "Size of a filesystem", "device fstype mountpoint", jobs=NODE, seeds="003 004"),
    counter("node_network_receive_bytes_total", "Bytes received", "device", jobs=NODE, seeds="003"),
    counter("node_network_transmit_bytes_total", "Bytes sent", "device", jobs=NODE, seeds="003"),
    gauge("backup_last_success_timestamp_seconds", "When a backup last succeeded", "what", jobs=NODE),
    gauge(
        "restore_drill_last_success_timestamp_seconds", "When a restore was last tried with success", "what", jobs=NODE
    ),
)

STORES = (
    gauge("redis_up", "1 while Redis answers", jobs=REDIS, seeds="004"),
    counter("redis_commands_processed_total", "Commands worked off", jobs=REDIS, seeds="003 004"),
    gauge("redis_memory_used_bytes", "Memory in use", jobs=REDIS, seeds="003 004"),
    gauge("redis_memory_max_bytes", "Memory that may be used; 0 without a limit", jobs=REDIS),
    gauge("redis_connected_clients", "Clients", jobs=REDIS, seeds="003 004"),
    gauge("redis_blocked_clients", "Clients that wait in a blocking command", jobs=REDIS),
    counter("redis_rejected_connections_total", "Clients turned away for want of connections", jobs=REDIS),
    counter("redis_keyspace_hits_total", "Keys that were found", jobs=REDIS),
    counter("redis_keyspace_misses_total", "Keys that were not", jobs=REDIS),
    counter("redis_evicted_keys_total", "Keys thrown out for want of memory", jobs=REDIS),
    gauge("pg_up", "1 while PostgreSQL answers", jobs=POSTGRES, seeds="003"),
    gauge("pg_stat_activity_count", "Connections", "datname state", jobs=POSTGRES, seeds="003 004"),
    gauge(
        "pg_stat_activity_max_tx_duration", "Age of the oldest transaction, in seconds", "datname state", jobs=POSTGRES
    ),
    gauge("pg_settings_max_connections", "Connections that may be", jobs=POSTGRES, seeds="004"),
    counter(
        "pg_stat_database_xact_commit",
        "Transactions that were committed",
        "datid datname",
        jobs=POSTGRES,
        seeds="003 004",
    ),
    counter("pg_stat_database_xact_rollback", "Transactions that were rolled back", "datid datname", jobs=POSTGRES),
    counter("pg_stat_database_deadlocks", "Deadlocks", "datid datname", jobs=POSTGRES),
    counter("pg_stat_database_blks_hit", "Blocks found in memory", "datid datname", jobs=POSTGRES),
    counter("pg_stat_database_blks_read", "Blocks read from disk", "datid datname", jobs=POSTGRES),
    gauge("pg_database_size_bytes", "Size of a database", "datname", jobs=POSTGRES),
    gauge("pg_locks_count", "Locks", "datname mode", jobs=POSTGRES),
)

EDGE = (
    gauge("nginx_up", "1 while nginx answers", jobs=NGINX),
    gauge("nginx_connections_active", "Connections of clients", jobs=NGINX),
    gauge("nginx_connections_waiting", "Connections that are idle", jobs=NGINX),
    counter("nginx_connections_accepted", "Connections accepted", jobs=NGINX),
    counter("nginx_connections_handled", "Connections handled", jobs=NGINX),
    counter("nginx_http_requests_total", "Requests", jobs=NGINX),
    gauge("probe_success", "1 for a probe that was answered as expected", jobs=PROBES),
    gauge("probe_duration_seconds", "Time of a probe", jobs=PROBES),
    gauge("probe_ssl_earliest_cert_expiry", "When the first certificate of the chain ends", jobs=PROBES),
)

KUBERNETES = (
    counter(
        "container_cpu_usage_seconds_total",
        "CPU time of a container",
        "namespace pod container",
        jobs=CONTAINERS,
        seeds="004",
    ),
    gauge(
        "container_spec_cpu_quota",
        "Microseconds that it may use in a period",
        "namespace pod container",
        jobs=CONTAINERS,
    ),
    gauge(
        "container_spec_cpu_period", "Length of a period in microseconds", "namespace pod container", jobs=CONTAINERS
    ),
    gauge(
        "container_memory_working_set_bytes",
        "Memory that cannot be freed",
        "namespace pod container",
        jobs=CONTAINERS,
        seeds="004",
    ),
    gauge(
        "container_spec_memory_limit_bytes",
        "Limit of memory; 0 without one",
        "namespace pod container",
        jobs=CONTAINERS,
    ),
    gauge("kube_pod_status_phase", "1 for the phase of a pod", "namespace pod phase", jobs=PODS, seeds="004"),
    gauge(
        "kube_pod_container_status_waiting_reason",
        "1 for why a container waits",
        "namespace pod container reason",
        jobs=PODS,
    ),
    gauge(
        "kube_deployment_status_condition",
        "1 for the status of a condition",
        "namespace deployment condition status",
        jobs=PODS,
        seeds="004",
    ),
)

MONITORS = (
    gauge("prometheus_config_last_reload_successful", "1 if the configuration was loaded", jobs=PROMETHEUS),
    counter("prometheus_rule_evaluation_failures_total", "Evaluations that failed", "rule_group", jobs=PROMETHEUS),
    counter("prometheus_notifications_errors_total", "Alerts that could not be sent", "alertmanager", jobs=PROMETHEUS),
    counter("prometheus_notifications_sent_total", "Alerts sent", "alertmanager", jobs=PROMETHEUS),
    summary("prometheus_notifications_latency_seconds", "Time of sending alerts", "alertmanager", jobs=PROMETHEUS),
    gauge("prometheus_notifications_alertmanagers_discovered", "Alertmanagers known", jobs=PROMETHEUS),
    counter("prometheus_tsdb_wal_corruptions_total", "Damaged places in the log", jobs=PROMETHEUS),
    gauge("prometheus_tsdb_head_series", "Series in memory", jobs=PROMETHEUS),
    counter("prometheus_tsdb_head_samples_appended_total", "Samples written", "type", jobs=PROMETHEUS),
    gauge("prometheus_rule_group_last_duration_seconds", "Time of the last evaluation", "rule_group", jobs=PROMETHEUS),
    gauge("prometheus_rule_group_interval_seconds", "Time between two evaluations", "rule_group", jobs=PROMETHEUS),
    gauge("alertmanager_config_last_reload_successful", "1 if the configuration was loaded", jobs=ALERTMANAGER),
    gauge("alertmanager_config_hash", "Hash of the configuration", jobs=ALERTMANAGER),
    gauge("alertmanager_cluster_members", "Members of the cluster, itself included", jobs=ALERTMANAGER),
    gauge("alertmanager_alerts", "Alerts by state", "state", jobs=ALERTMANAGER),
    counter("alertmanager_notifications_total", "Messages about alerts", "integration", jobs=ALERTMANAGER),
    counter("alertmanager_notifications_failed_total", "Those that failed", "integration", jobs=ALERTMANAGER),
    histogram(
        "alertmanager_notification_latency_seconds",
        "Time of a message",
        "integration",
        buckets=(1, 5, 10, 15, 20),
        jobs=ALERTMANAGER,
    ),
)
