"""Processes, stores, machines and backups."""

from monitoring.catalogue.scenarios.scenario import Scenario, grows, one_series, seconds_ago, shows

HOUR, DAY = 3600, 86400

# A target of every job that an installation has.
TARGETS = {
    'up{job="app-web",instance="web-1:9101",service="web"}',
    'up{job="app-worker",instance="worker-1:8001",service="worker"}',
    'up{job="app-import",instance="importer-1:8003",service="importer"}',
    'up{job="app-realtime",instance="relay-1:8004",service="relay"}',
    'up{job="app-state",instance="exporter-1:9501",service="exporter"}',
    'up{job="node",instance="node-1:9100"}',
    'up{job="redis",instance="redis-1:9121"}',
    'up{job="postgres",instance="postgres-1:9187"}',
    'up{job="alertmanager",instance="alertmanager-1:9093"}',
}
ALL_UP = dict.fromkeys(sorted(TARGETS), shows(1))
ALWAYS_UP = dict.fromkeys(sorted(TARGETS), shows(1, 1, 1))


def down(target: str, labels: dict[str, str]) -> Scenario:
    """A target that does not answer."""
    return Scenario(
        alert="ServiceDown",
        feeds={**ALWAYS_UP, target: shows(1, 0, 1)},
        fires=11,
        heals=30,
        resolves=30,
        labels=labels,
        description=f"{labels['job']} {labels['instance']} does not answer Prometheus.",
        quiet=(ALL_UP,),
    )


def gone(target: str, job: str, service: str) -> Scenario:
    """A job whose last target is gone."""
    return Scenario(
        alert="ServiceDown",
        feeds={**ALWAYS_UP, target: shows(1, None, 1)},
        fires=16,
        heals=30,
        resolves=30,
        labels={"job": job, "service": service},
        description=f"{job} does not answer Prometheus.",
    )


PROCESSES = [
    down(
        'up{job="app-worker",instance="worker-1:8001",service="worker"}',
        {"job": "app-worker", "instance": "worker-1:8001", "service": "worker"},
    ),
    down('up{job="redis",instance="redis-1:9121"}', {"job": "redis", "instance": "redis-1:9121", "service": "redis"}),
    gone('up{job="app-web",instance="web-1:9101",service="web"}', "app-web", "web"),
    gone('up{job="app-worker",instance="worker-1:8001",service="worker"}', "app-worker", "worker"),
    gone('up{job="app-import",instance="importer-1:8003",service="importer"}', "app-import", "importer"),
    gone('up{job="app-realtime",instance="relay-1:8004",service="relay"}', "app-realtime", "relay"),
    gone('up{job="app-state",instance="exporter-1:9501",service="exporter"}', "app-state", "exporter"),
    gone('up{job="node",instance="node-1:9100"}', "node", "node"),
    gone('up{job="redis",instance="redis-1:9121"}', "redis", "redis"),
    gone('up{job="postgres",instance="postgres-1:9187"}', "postgres", "postgres"),
    gone('up{job="alertmanager",instance="alertmanager-1:9093"}', "alertmanager", "alertmanager"),
    one_series(
        "ProbeFailed",
        'probe_success{job="blackbox",instance="https://shop.example/"}',
        shows(1, 0, 1),
        shows(1),
        fires=12,
        labels={"instance": "https://shop.example/"},
        description="https://shop.example/ does not answer as a visitor expects.",
    ),
    one_series(
        "StateExporterStale",
        'state_exporter_last_success_timestamp_seconds{job="app-state",reading="outbox"}',
        seconds_ago(2, 400, 2),
        seconds_ago(300),
        fires=12,
        labels={"reading": "outbox"},
        description="outbox was last read 6m 40s ago (limit 5m).",
    ),
    Scenario(
        alert="VersionSkew",
        feeds={
            'app_build_info{job="app-web",version="1.0",commit="a"}': shows(1, 1, 1),
            'app_build_info{job="app-worker",version="1.1",commit="b"}': shows(None, 1, None),
        },
        fires=40,
        heals=60,
        resolves=65,
        description="2 versions have run side by side for half an hour.",
        quiet=(
            {
                'app_build_info{job="app-web",version="1.0",commit="a"}': shows(1),
                'app_build_info{job="app-worker",version="1.0",commit="a"}': shows(1),
            },
        ),
    ),
    one_series(
        "MigrationsUnapplied",
        'django_migrations_unapplied_total{job="app-state",connection="default"}',
        shows(0, 2, 0),
        shows(0),
        fires=20,
        labels={"connection": "default"},
        description="2 migrations of default are not applied.",
    ),
    one_series(
        "MigrationsUnknown",
        'django_migrations_unapplied_total{job="app-state",connection="default"}',
        shows(0, None, 0),
        shows(2),
        fires=30,
        heals=40,
        description="No process has told of unapplied migrations for 15 minutes.",
    ),
]

CONNECTIONS = 'pg_stat_activity_count{job="postgres",instance="postgres-1:9187",datname="shop",state="%s"}'
MOST = 'pg_settings_max_connections{job="postgres",instance="postgres-1:9187"}'
TRANSACTION = (
    'pg_stat_activity_max_tx_duration{job="postgres",instance="postgres-1:9187",datname="shop",state="active"}'
)
DEADLOCKS = 'pg_stat_database_deadlocks{job="postgres",instance="postgres-1:9187",datname="shop",datid="5"}'
POSTGRES = {"instance": "postgres-1:9187"}
REDIS = {"instance": "redis-1:9121"}

STORES = [
    one_series(
        "DatabaseConnectionIssues",
        'pg_up{job="postgres",instance="postgres-1:9187"}',
        shows(1, 0, 1),
        shows(1),
        fires=11,
        labels=POSTGRES,
        description="The exporter postgres-1:9187 cannot connect to PostgreSQL.",
    ),
    Scenario(
        alert="DatabaseConnectionsLow",
        feeds={
            MOST: shows(100, 100, 100),
            CONNECTIONS % "active": shows(10, 35, 10),
            CONNECTIONS % "idle": shows(10, 60, 10),
        },
        fires=12,
        heals=30,
        resolves=30,
        labels=POSTGRES,
        description="5 connections of postgres-1:9187 are free (limit 10).",
        quiet=({MOST: shows(100), CONNECTIONS % "active": shows(30), CONNECTIONS % "idle": shows(60)},),
    ),
    one_series(
        "PgDeadlocks",
        DEADLOCKS,
        grows(0, 1, 0),
        grows(0),
        fires=10,
        resolves=34,
        labels={**POSTGRES, "datname": "shop"},
        description="5 deadlocks in shop in the last 5 minutes.",
    ),
    one_series(
        "PgLongTransaction",
        TRANSACTION,
        shows(1, 540, 1),
        shows(300),
        fires=11,
        labels={**POSTGRES, "datname": "shop"},
        description="A transaction of shop is 9m 0s old (limit 5m).",
    ),
    one_series(
        "RedisDown",
        'redis_up{job="redis",instance="redis-1:9121"}',
        shows(1, 0, 1),
        shows(1),
        fires=12,
        labels=REDIS,
        description="The exporter redis-1:9121 cannot reach Redis.",
    ),
    Scenario(
        alert="RedisMemoryHigh",
        feeds={
            'redis_memory_used_bytes{job="redis",instance="redis-1:9121"}': shows(10e6, 95e6, 10e6),
            'redis_memory_max_bytes{job="redis",instance="redis-1:9121"}': shows(100e6, 100e6, 100e6),
        },
        fires=15,
        heals=30,
        resolves=30,
        labels=REDIS,
        description="redis-1:9121 uses 95% of its memory (limit 90%).",
        quiet=(
            {
                'redis_memory_used_bytes{job="redis",instance="redis-1:9121"}': shows(90e6),
                'redis_memory_max_bytes{job="redis",instance="redis-1:9121"}': shows(100e6),
            },
            {
                'redis_memory_used_bytes{job="redis",instance="redis-1:9121"}': shows(90e6),
                'redis_memory_max_bytes{job="redis",instance="redis-1:9121"}': shows(0),
            },
        ),
    ),
    one_series(
        "RedisRejectedConnections",
        'redis_rejected_connections_total{job="redis",instance="redis-1:9121"}',
        grows(0, 2, 0),
        grows(0),
        fires=10,
        resolves=34,
        labels=REDIS,
        description="redis-1:9121 rejected 10 connections in the last 5 minutes.",
    ),
]

NODE = {"instance": "node-1:9100"}
IDLE = 'node_cpu_seconds_total{job="node",instance="node-1:9100",cpu="%s",mode="idle"}'
TOTAL = 'node_memory_MemTotal_bytes{job="node",instance="node-1:9100"}'
AVAILABLE = 'node_memory_MemAvailable_bytes{job="node",instance="node-1:9100"}'
DISK = '{job="node",instance="node-1:9100",device="/dev/vda1",fstype="%s",mountpoint="/data"}'
CERTIFICATE = 'probe_ssl_earliest_cert_expiry{job="blackbox",instance="https://shop.example/"}'
BACKUP = 'backup_last_success_timestamp_seconds{job="node",what="database"}'
RESTORE = 'restore_drill_last_success_timestamp_seconds{job="node",what="database"}'

MACHINES = [
    Scenario(
        alert="HighCPUUsage",
        scope="node",
        feeds={IDLE % 0: grows(54, 6, 54), IDLE % 1: grows(54, 6, 54)},
        fires=24,
        heals=40,
        resolves=40,
        labels=NODE,
        description="node-1:9100 uses 90% of its CPU (limit 80%).",
        quiet=({IDLE % 0: grows(12.6), IDLE % 1: grows(12.6)},),
    ),
    Scenario(
        alert="HighMemoryUsage",
        scope="node",
        feeds={TOTAL: shows(16e9, 16e9, 16e9), AVAILABLE: shows(8e9, 8e8, 8e9)},
        fires=15,
        heals=30,
        resolves=30,
        labels={**NODE, "job": "node"},
        description="node-1:9100 uses 95% of its memory (limit 90%).",
        quiet=({TOTAL: shows(16e9), AVAILABLE: shows(1.7e9)},),
    ),
    Scenario(
        alert="DiskSpaceLow",
        feeds={
            f"node_filesystem_avail_bytes{DISK % 'ext4'}": shows(50e9, 10e9, 50e9),
            f"node_filesystem_size_bytes{DISK % 'ext4'}": shows(100e9, 100e9, 100e9),
        },
        fires=20,
        heals=30,
        resolves=30,
        labels={**NODE, "mountpoint": "/data"},
        description="/data has 10% left (limit 15%).",
        quiet=(
            {
                f"node_filesystem_avail_bytes{DISK % 'ext4'}": shows(15e9),
                f"node_filesystem_size_bytes{DISK % 'ext4'}": shows(100e9),
            },
            {
                f"node_filesystem_avail_bytes{DISK % 'tmpfs'}": shows(1e6),
                f"node_filesystem_size_bytes{DISK % 'tmpfs'}": shows(100e6),
            },
        ),
    ),
    one_series(
        "TlsExpirySoon",
        CERTIFICATE,
        seconds_ago(-60 * DAY, -10 * DAY, -60 * DAY),
        seconds_ago(-14 * DAY),
        fires=70,
        heals=90,
        labels={"instance": "https://shop.example/"},
        description="The certificate of https://shop.example/ ends in 10d 0h 0m 0s (limit 14d).",
    ),
]

BACKUPS = [
    one_series(
        "BackupTooOld",
        BACKUP,
        seconds_ago(HOUR, 27 * HOUR, HOUR),
        seconds_ago(26 * HOUR),
        fires=70,
        heals=90,
        labels={"what": "database"},
        description="No backup of database has succeeded within 26 hours.",
    ),
    one_series(
        "BackupTooOld",
        BACKUP,
        seconds_ago(HOUR, None, HOUR),
        fires=75,
        heals=90,
        labels={"what": "anything"},
        description="No backup of anything has succeeded within 26 hours.",
    ),
    one_series(
        "RestoreDrillTooOld",
        RESTORE,
        seconds_ago(HOUR, 36 * DAY, HOUR),
        seconds_ago(35 * DAY),
        fires=70,
        heals=90,
        labels={"what": "database"},
        description="No restore of database has been tried within 35 days.",
    ),
    one_series(
        "RestoreDrillTooOld",
        RESTORE,
        seconds_ago(HOUR, None, HOUR),
        fires=75,
        heals=90,
        labels={"what": "anything"},
        description="No restore of anything has been tried within 35 days.",
    ),
]
