"""What the site stands on, by utilisation, saturation and errors: machines, processes, stores, the edge, pods."""

from monitoring.catalogue.dashboards.colors import BAD, CALM, JOBS, NOTICE, OUTCOMES
from monitoring.catalogue.dashboards.panel import Board, Lines, Panel, Query, Row, Stat
from monitoring.catalogue.dashboards.promql import (
    chosen,
    everywhere,
    highest,
    increase,
    lowest,
    of,
    rate,
    state,
    total,
)
from monitoring.catalogue.links import Dashboard

IDLE = chosen("node_cpu_seconds_total", 'mode="idle"')
DISKS = 'fstype!~"tmpfs|overlay|squashfs"'
CARDS = 'device!~"lo|veth.*|docker.*|br-.*"'
RUNNING = 'container!=""'
POD, CONTAINER = ("namespace", "pod"), ("namespace", "pod", "container")
WAITING = 'reason=~"CrashLoopBackOff|ImagePullBackOff|ErrImagePull"'

MACHINES = Row(
    title="Machines",
    runbook="HighCPUUsage",
    panels=(
        Panel(
            title="CPU Usage %",
            text="The share of a machine's time in which its processors work.",
            queries=(Query(f"1 - avg by (instance) ({rate(IDLE)})", "{{instance}}"),),
            unit="percentunit",
            maximum=1,
            seeds=("P16", "P25"),
        ),
        Panel(
            title="Memory Usage %",
            text="The share of a machine's memory that is not available to a new process.",
            queries=(
                Query(
                    f"1 - {chosen('node_memory_MemAvailable_bytes')} / {chosen('node_memory_MemTotal_bytes')}",
                    "{{instance}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
            seeds=("P16", "P26"),
        ),
        Panel(
            title="Load per Processor",
            text="Work that waits or runs, for each processor. Above 1 it queues.",
            queries=(
                Query(
                    f"{total(chosen('node_load1'), 'instance')} / count by (instance) ({IDLE})",
                    "{{instance}}",
                ),
            ),
            unit="short",
        ),
        Panel(
            title="Disk Space",
            text="What is left of each disk.",
            queries=(
                Query(
                    lowest(
                        f"{chosen('node_filesystem_avail_bytes', DISKS)}"
                        f" / {chosen('node_filesystem_size_bytes', DISKS)}",
                        "instance",
                        "mountpoint",
                    ),
                    "{{instance}} {{mountpoint}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
        ),
        Panel(
            title="Disk Busy",
            text="The share of time in which a disk has something to do.",
            queries=(Query(rate(chosen("node_disk_io_time_seconds_total")), "{{instance}} {{device}}"),),
            unit="percentunit",
            maximum=1,
        ),
        Panel(
            title="Network",
            text="Bytes a second, received above and sent below the line.",
            queries=(
                Query(
                    total(rate(chosen("node_network_receive_bytes_total", CARDS)), "instance"), "{{instance}} received"
                ),
                Query(
                    f"-{total(rate(chosen('node_network_transmit_bytes_total', CARDS)), 'instance')}",
                    "{{instance}} sent",
                ),
            ),
            unit="Bps",
        ),
    ),
)

PROCESSES = Row(
    title="Processes",
    runbook="ServiceDown",
    panels=(
        Panel(
            title="Uptime",
            text="Since the youngest process of a kind was started. A saw's teeth: something restarts.",
            queries=(Query(f"time() - {highest(chosen('process_start_time_seconds'), 'job')}", "{{job}}", now=True),),
            unit="dtdurations",
            view=Stat(trend=False),
            width=24,
            height=5,
            seeds=("P16",),
        ),
        Panel(
            title="CPU by Process",
            text="Processors used, by kind of process. A Python process cannot use more than one.",
            queries=(Query(total(rate(chosen("process_cpu_seconds_total")), "job"), "{{job}}"),),
            unit="short",
            colors=JOBS,
        ),
        Panel(
            title="Memory by Process",
            text="Resident memory, by kind of process. A slope that never falls is a leak.",
            queries=(Query(total(chosen("process_resident_memory_bytes"), "job"), "{{job}}"),),
            unit="bytes",
            colors=JOBS,
        ),
        Panel(
            title="Open Files",
            text="Files and sockets of the process that has most of them open, of those that it may open.",
            queries=(Query(highest(f"{chosen('process_open_fds')} / {chosen('process_max_fds')}", "job"), "{{job}}"),),
            unit="percentunit",
            colors=JOBS,
        ),
    ),
)

DATABASE = Row(
    title="PostgreSQL",
    runbook="DatabaseConnectionIssues",
    panels=(
        Panel(
            title="PostgreSQL Up",
            text="Whether the exporter gets through to the database.",
            queries=(Query(lowest(of("postgres", "pg_up"), "instance"), "{{instance}}", now=True),),
            unit="bool_yes_no",
            view=Stat(trend=False),
            width=4,
        ),
        Panel(
            title="Free Database Connections",
            text="Connections that PostgreSQL can still give. At 0 the site answers 500.",
            queries=(
                Query(
                    f"{total(of('postgres', 'pg_settings_max_connections'), 'instance')}"
                    f" - {total(of('postgres', 'pg_stat_activity_count'), 'instance')}",
                    "free",
                ),
            ),
            unit="short",
            width=6,
        ),
        Panel(
            title="Database Connections",
            text="Connections by what they are at. Many that idle in a transaction hold locks.",
            queries=(Query(total(of("postgres", "pg_stat_activity_count"), "state"), "{{state}}"),),
            unit="short",
            view=Lines(stacked=True),
            width=7,
            seeds=("P34",),
        ),
        Panel(
            title="Transactions",
            text="Transactions a second, by how they ended.",
            queries=(
                Query(total(rate(of("postgres", "pg_stat_database_xact_commit"))), "commits"),
                Query(total(rate(of("postgres", "pg_stat_database_xact_rollback"))), "rollbacks"),
            ),
            unit="ops",
            colors=OUTCOMES,
            width=7,
        ),
        Panel(
            title="Longest Transaction",
            text="The age of the oldest transaction of each database.",
            queries=(Query(highest(of("postgres", "pg_stat_activity_max_tx_duration"), "datname"), "{{datname}}"),),
            unit="s",
            width=6,
        ),
        Panel(
            title="Deadlocks",
            text="Transactions that were ended in the last 5 minutes because they waited for each other.",
            queries=(
                Query(total(increase(of("postgres", "pg_stat_database_deadlocks"), "5m"), "datname"), "{{datname}}"),
            ),
            unit="short",
            window="5m",
            decimals=0,
            width=6,
        ),
        Panel(
            title="Found in Memory",
            text="The share of blocks that PostgreSQL found in its own memory.",
            queries=(
                Query(
                    f"{total(rate(of('postgres', 'pg_stat_database_blks_hit')), 'datname')} / ("
                    f"{total(rate(of('postgres', 'pg_stat_database_blks_hit')), 'datname')} +"
                    f" {total(rate(of('postgres', 'pg_stat_database_blks_read')), 'datname')})",
                    "{{datname}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
            width=6,
        ),
        Panel(
            title="Database Size",
            text="Bytes on disk.",
            queries=(Query(highest(of("postgres", "pg_database_size_bytes"), "datname"), "{{datname}}"),),
            unit="bytes",
            width=6,
        ),
        Panel(
            title="Unapplied Migrations",
            text=(
                "Migrations of the code that runs which the database lacks. "
                "More than 0 only while a release is on its way."
            ),
            queries=(Query(highest(state("django_migrations_unapplied_total"), "connection"), "{{connection}}"),),
            unit="short",
            width=24,
            height=5,
        ),
    ),
)

REDIS = Row(
    title="Redis",
    runbook="RedisDown",
    panels=(
        Panel(
            title="Redis Up",
            text="Whether the exporter gets through to Redis.",
            queries=(Query(lowest(of("redis", "redis_up"), "instance"), "{{instance}}", now=True),),
            unit="bool_yes_no",
            view=Stat(trend=False),
            width=4,
        ),
        Panel(
            title="Redis Operations/sec",
            text="Commands answered, a second.",
            queries=(Query(total(rate(of("redis", "redis_commands_processed_total"))), "commands"),),
            unit="ops",
            width=6,
            seeds=("P35",),
        ),
        Panel(
            title="Redis Memory Used",
            text="Bytes in use.",
            queries=(Query(highest(of("redis", "redis_memory_used_bytes"), "instance"), "{{instance}}"),),
            unit="bytes",
            width=7,
        ),
        Panel(
            title="Redis Memory",
            text="What is used of the memory that Redis may use. Empty where no limit is set.",
            queries=(
                Query(
                    f"{highest(of('redis', 'redis_memory_used_bytes'), 'instance')}"
                    f" / {highest(of('redis', 'redis_memory_max_bytes') + ' > 0', 'instance')}",
                    "{{instance}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
            width=7,
            quiet="redis_limit",
            empty="Redis has no memory limit",
        ),
        Panel(
            title="Redis Clients",
            text="Connections to Redis.",
            queries=(
                Query(highest(of("redis", "redis_connected_clients"), "instance"), "connected"),
                Query(highest(of("redis", "redis_blocked_clients"), "instance"), "blocked"),
            ),
            unit="short",
            colors=(("connected", CALM), ("blocked", NOTICE)),
        ),
        Panel(
            title="Rejected Redis Connections",
            text="Clients turned away in the last 5 minutes: there are more than `maxclients`.",
            queries=(
                Query(
                    total(increase(of("redis", "redis_rejected_connections_total"), "5m"), "instance"), "{{instance}}"
                ),
            ),
            unit="short",
            window="5m",
            decimals=0,
            colors=((".*", BAD),),
        ),
        Panel(
            title="Redis Look-ups",
            text="Keys found and not found, a second, and keys thrown out for lack of memory.",
            queries=(
                Query(total(rate(of("redis", "redis_keyspace_hits_total"))), "hits"),
                Query(total(rate(of("redis", "redis_keyspace_misses_total"))), "misses"),
                Query(total(rate(of("redis", "redis_evicted_keys_total"))), "evicted"),
            ),
            unit="ops",
            colors=(("hits", "green"), ("misses", NOTICE), ("evicted", BAD)),
        ),
    ),
)

EDGE = Row(
    title="Edge",
    runbook="TlsExpirySoon",
    panels=(
        Panel(
            title="nginx Requests",
            text="Requests that reach nginx, a second: also those that never get to the site.",
            queries=(Query(total(rate(of("nginx", "nginx_http_requests_total")), "instance"), "{{instance}}"),),
            unit="reqps",
        ),
        Panel(
            title="nginx Connections",
            text="Connections of visitors, sockets among them.",
            queries=(
                Query(total(of("nginx", "nginx_connections_active")), "active"),
                Query(total(of("nginx", "nginx_connections_waiting")), "idle"),
            ),
            unit="short",
        ),
        Panel(
            title="Certificate Validity",
            text="Until a certificate that visitors see runs out.",
            queries=(
                Query(
                    f"{lowest(of('blackbox', 'probe_ssl_earliest_cert_expiry'), 'instance')} - time()", "{{instance}}"
                ),
            ),
            unit="dtdurations",
        ),
    ),
)

PODS = Row(
    title="Kubernetes",
    runbook="PodDown",
    folded=True,
    panels=(
        Panel(
            title="Pods Not Running",
            text="Pods that wait, are unknown, have failed, or crash again and again.",
            queries=(
                Query(
                    highest(everywhere("kube_pod_status_phase", 'phase=~"Pending|Unknown|Failed"') + " == 1", *POD),
                    "{{namespace}}/{{pod}}",
                ),
                Query(
                    highest(everywhere("kube_pod_container_status_waiting_reason", WAITING) + " == 1", *POD),
                    "{{namespace}}/{{pod}} waits",
                ),
            ),
            unit="short",
            width=12,
            quiet="cluster",
            empty="Every pod runs",
        ),
        Panel(
            title="Rollouts Stuck",
            text="Deployments that do not get on with their rollout.",
            queries=(
                Query(
                    highest(
                        everywhere("kube_deployment_status_condition", 'condition="Progressing"', 'status="false"')
                        + " == 1",
                        "namespace",
                        "deployment",
                    ),
                    "{{namespace}}/{{deployment}}",
                ),
            ),
            unit="short",
            width=12,
            quiet="cluster",
            empty="No rollout is stuck",
        ),
        Panel(
            title="Pod CPU Usage",
            text="The share of its CPU limit that each container uses.",
            queries=(
                Query(
                    f"{total(rate(everywhere('container_cpu_usage_seconds_total', RUNNING)), *CONTAINER)} / "
                    + total(
                        f"{everywhere('container_spec_cpu_quota', RUNNING)}"
                        f" / {everywhere('container_spec_cpu_period', RUNNING)}",
                        *CONTAINER,
                    ),
                    "{{pod}} {{container}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
            width=12,
            quiet="cluster",
            empty="Not in a cluster",
            seeds=("P29",),
        ),
        Panel(
            title="Pod Memory Usage",
            text="The share of its memory limit that each container uses. At 100 % it is killed.",
            queries=(
                Query(
                    f"{highest(everywhere('container_memory_working_set_bytes', RUNNING), *CONTAINER)} / "
                    + highest(everywhere("container_spec_memory_limit_bytes", RUNNING) + " > 0", *CONTAINER),
                    "{{pod}} {{container}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
            width=12,
            quiet="cluster",
            empty="Not in a cluster",
            seeds=("P30",),
        ),
    ),
)

INFRASTRUCTURE = Board(
    uid=Dashboard.INFRASTRUCTURE,
    title="Infrastructure",
    text="What the site stands on, by utilisation, saturation and errors.",
    rows=(MACHINES, PROCESSES, DATABASE, REDIS, EDGE, PODS),
    jobs=".+",
    seeds=("PF2",),
)
