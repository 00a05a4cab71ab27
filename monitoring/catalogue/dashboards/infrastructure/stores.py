"""PostgreSQL and Redis."""

from monitoring.catalogue.dashboards.colors import BAD, CALM, NOTICE, OUTCOMES
from monitoring.catalogue.dashboards.panel import Lines, Panel, Query, Row, Stat
from monitoring.catalogue.dashboards.promql import (
    highest,
    increase,
    lowest,
    of,
    rate,
    state,
    total,
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
