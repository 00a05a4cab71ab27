"""Figures that only the database knows: read once for all processes, shown by the state exporter."""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from prometheus_client.core import GaugeMetricFamily

import events.queries
import orders.queries
import vouchers.queries
from monitoring.queries import cashback
from monitoring.queries.invariants import reconcile

Families = Iterator[GaugeMetricFamily]


def outbox(at: datetime) -> Families:
    """Messages for handlers and events for browsers, by where they are and by queue."""
    messages, facts = events.queries.message_figures(at=at), events.queries.event_figures(at=at)
    parts = {**messages, **facts}
    whole = events.queries.total(list(parts.values()))
    yield gauge("outbox_queued_total", "Outbox messages and events that wait", whole.queued)
    yield gauge("outbox_in_flight_total", "Outbox messages and events that are being worked on", whole.in_flight)
    states = {"queued": whole.queued, "in_flight": whole.in_flight, "dead": whole.dead}
    yield gauges("outbox_messages", "Outbox messages and events by state", "state", states)
    yield gauge("outbox_oldest_pending_age_seconds", "Age of the oldest that waits", whole.oldest_pending_age_seconds)
    yield gauge("outbox_dead_messages", "Given up: they wait for an operator", whole.dead)
    queued = {queue: part.queued for queue, part in parts.items()}
    yield gauges("flash_sale_queue_length", "What waits, by queue", "queue", queued)
    active = {queue: part.in_flight for queue, part in parts.items()}
    yield gauges("flash_sale_jobs_active", "What is being worked on, by queue", "queue", active)


def sales(at: datetime) -> Families:
    """Stock of running sales, and orders that wait for money."""
    left = {str(each.product): each.available for each in orders.queries.inventory_of_live_sales(at)}
    yield gauges("flash_sale_inventory_units", "Units left in running sales", "product", left)
    yield gauge("orders_pending", "Orders that hold stock and wait for money", orders.queries.pending_orders())


def goods(at: datetime) -> Families:
    """Vouchers that are worth something, and cashback that is owed."""
    yield gauge(
        "tickets_active_total", "Vouchers that can be used now or later", vouchers.queries.tickets_active_total()
    )
    owed = {each["currency"]: each["minor"] for each in cashback.pending_amounts()}
    yield gauges("cashback_pending_minor", "Cashback that is not yet the customers', by currency", "currency", owed)
    # Nothing is converted here: amounts of other currencies are in the series above.
    yield gauge("cashback_pending_usd", "The same of accounts in US dollars, in dollars", owed.get("USD", 0) / 100)


def invariants(at: datetime) -> Families:
    """Rows that break what must hold."""
    broken = {finding.invariant: finding.broken_rows for finding in reconcile()}
    yield gauges("reconciliation_broken_rows", "Rows that break an invariant", "invariant", broken)


def migrations(at: datetime) -> Families:
    """The schema against the code, under the names of django-prometheus."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    applied = {connection.alias: len(executor.loader.applied_migrations)}
    yield gauges(
        "django_migrations_unapplied_total",
        "Count of unapplied migrations",
        "connection",
        {connection.alias: len(plan)},
    )
    yield gauges("django_migrations_applied_total", "Count of applied migrations", "connection", applied)


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def gauges(name: str, text: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


# How often each is read, in seconds: the invariants walk whole tables.
READINGS: dict[Callable[[datetime], Families], float] = {outbox: 2, sales: 2, goods: 10, invariants: 60, migrations: 60}
