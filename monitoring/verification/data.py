"""Questions about servers and data, answered by what Prometheus has heard of them."""

import time

from monitoring.verification.check import Failed, NotAsked, Stack, check

OLDEST_BACKUP_HOURS = 26.0


@check("data", "PostgreSQL and Redis")
def servers(stack: Stack) -> str:
    """Both are up for their exporters."""
    for series in ("pg_up", "redis_up"):
        found = stack.prometheus.query(series)
        if not found:
            raise Failed(f"nobody tells {series}: does its exporter run?")
        if down := [each for each in found if each.value != 1]:
            raise Failed(f"{series} is 0 at {down[0].labels.get('instance')}")
    return "both are up"


@check("data", "migrations")
def migrations(stack: Stack) -> str:
    waiting = asked(stack, "max(django_migrations_unapplied_total)")
    if waiting:
        raise Failed(f"{waiting:.0f} migrations are waiting: run `manage.py migrate`")
    return f"all {asked(stack, 'max(django_migrations_applied_total)'):.0f} are applied"


@check("data", "invariants")
def invariants(stack: Stack) -> str:
    """What must hold of stock, money and outbox holds."""
    found = stack.prometheus.query("max by (invariant) (reconciliation_broken_rows)")
    if not found:
        raise Failed("nobody tells reconciliation_broken_rows: does the exporter run?")
    if broken := [each for each in found if each.value]:
        raise Failed(f"{broken[0].labels['invariant']}: {broken[0].value:.0f} rows; run `manage.py reconcile`")
    return f"all {len(found)} hold"


@check("data", "dead letters")
def dead_letters(stack: Stack) -> str:
    dead = asked(stack, "max(outbox_dead_messages)")
    if dead:
        raise Failed(f"{dead:.0f} messages were given up: `manage.py outbox list` says why")
    return "none"


@check("data", "versions")
def versions(stack: Stack) -> str:
    """All processes are of one build."""
    found = {each.labels.get("version", "") for each in stack.prometheus.query("count by (version) (app_build_info)")}
    if len(found) != 1:
        raise Failed(f"running: {', '.join(sorted(found)) or 'nothing that says its version'}")
    return found.pop()


@check("data", "backups")
def backups(stack: Stack) -> str:
    """Each part was backed up within a day and a little."""
    found = stack.prometheus.query("max by (what) (backup_last_success_timestamp_seconds)")
    if not found:
        raise NotAsked("no backup was ever made: `manage.py monitoring backup`")
    hours = {each.labels["what"]: (time.time() - each.value) / 3600 for each in found}
    oldest = max(hours, key=lambda what: hours[what])
    if hours[oldest] > OLDEST_BACKUP_HOURS:
        raise Failed(f"the last one of {oldest} is {hours[oldest]:.0f} hours old")
    return f"{len(hours)} parts, the oldest of {hours[oldest]:.1f} hours ago"


def asked(stack: Stack, expression: str) -> float:
    value = stack.prometheus.value(expression)
    if value is None:
        raise Failed(f"{expression} gives nothing")
    return value
