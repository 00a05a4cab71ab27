"""PostgreSQL and Redis."""

from typing import Any

from monitoring.catalogue.dashboards.colors import BAD, CALM, NOTICE, OUTCOMES
from monitoring.catalogue.dashboards.panel import Lines, Panel, Query, Row, Stat, Unit
from monitoring.catalogue.dashboards.promql import (
    highest,
    increase,
    lowest,
    of,
    rate,
    state,
    total,
)


def up(title: str, text: str, series: str) -> Panel:
    """Whether the exporter gets through, now."""
    return Panel(
        title=title,
        text=text,
        queries=(Query(lowest(series, "instance"), "{{instance}}", now=True),),
        unit="bool_yes_no",
        view=Stat(trend=False),
        width=4,
    )


def highest_by(label: str, title: str, text: str, series: str, *, unit: Unit, **words: Any) -> Panel:
    """A curve for each value of a label."""
    return Panel(
        title=title, text=text, queries=(Query(highest(series, label), f"{{{{{label}}}}}"),), unit=unit, **words
    )


def recent(title: str, text: str, counter: str, label: str, **words: Any) -> Panel:
    """How often something rare has happened in the last 5 minutes, for each value of a label."""
    query = Query(total(increase(counter, "5m"), label), f"{{{{{label}}}}}")
    return Panel(title=title, text=text, queries=(query,), unit="short", window="5m", decimals=0, **words)


DATABASE = Row(
    title="PostgreSQL",
    runbook="DatabaseConnectionIssues",
    panels=(
        up("PostgreSQL Up", "Whether the exporter gets through to the database.", of("postgres", "pg_up")),
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
        highest_by(
            "datname",
            "Longest Transaction",
            "The age of the oldest transaction of each database.",
            of("postgres", "pg_stat_activity_max_tx_duration"),
            unit="s",
            width=6,
        ),
        recent(
            "Deadlocks",
            "Transactions that were ended in the last 5 minutes because they waited for each other.",
            of("postgres", "pg_stat_database_deadlocks"),
            "datname",
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
        highest_by(
            "datname",
            "Database Size",
            "Bytes on disk.",
            of("postgres", "pg_database_size_bytes"),
            unit="bytes",
            width=6,
        ),
        highest_by(
            "connection",
            "Unapplied Migrations",
            "Migrations of the code that runs which the database lacks. "
            "More than 0 only while a release is on its way.",
            state("django_migrations_unapplied_total"),
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
        up("Redis Up", "Whether the exporter gets through to Redis.", of("redis", "redis_up")),
        Panel(
            title="Redis Operations/sec",
            text="Commands answered, a second.",
            queries=(Query(total(rate(of("redis", "redis_commands_processed_total"))), "commands"),),
            unit="ops",
            width=6,
            seeds=("P35",),
        ),
        highest_by(
            "instance",
            "Redis Memory Used",
            "Bytes in use.",
            of("redis", "redis_memory_used_bytes"),
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
        recent(
            "Rejected Redis Connections",
            "Clients turned away in the last 5 minutes: there are more than `maxclients`.",
            of("redis", "redis_rejected_connections_total"),
            "instance",
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
