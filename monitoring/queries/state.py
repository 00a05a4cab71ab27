"""Figures that only the database knows: read once for all processes, shown by the state exporter."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from prometheus_client.core import GaugeMetricFamily

import cashback.queries
import events.queries
import flags.queries
import orders.queries
import payments.queries
import vouchers.queries
from events.registry import registry
from flags.choices import StaleReason
from flags.staleness import stale_flags
from monitoring.queries.cashback import pending_amounts
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
    idle = dict.fromkeys([*registry.topics(), *settings.REALTIME_CHANNELS], 0)
    queued = idle | {queue: part.queued for queue, part in parts.items()}
    yield gauges("flash_sale_queue_length", "What waits, by queue", "queue", queued)
    active = idle | {queue: part.in_flight for queue, part in parts.items()}
    yield gauges("flash_sale_jobs_active", "What is being worked on, by queue", "queue", active)
    deliveries = events.queries.deliveries_by_state()
    yield gauges("webhook_deliveries", "Webhooks that wait or were given up, by state", "state", deliveries)
    yield gauge("webhook_endpoints_failing", "Endpoints that failed last", events.queries.failing_endpoints())


def sales(at: datetime) -> Families:
    """Stock of products on sale, and orders and payments that wait."""
    products = orders.queries.inventory_of_live_sales(at)
    left = dict(zip(distinct([each.title for each in products]), (each.available for each in products), strict=True))
    yield gauges("flash_sale_inventory_units", "Units left of products on sale", "product", left)
    yield gauge("orders_pending", "Orders that hold stock and wait for money", orders.queries.pending_orders())
    yield gauge("orders_overdue", "Unpaid orders whose hold should have ended", orders.queries.overdue_orders(at))
    yield gauge("payments_stuck", "Payments open for too long", payments.queries.stuck_payments(at))
    yield gauge("payment_refunds_failed", "Payments with a refund that failed", payments.queries.failed_refunds())
    yield gauge("payment_disputes_open", "Disputes that are not decided yet", payments.queries.open_disputes())
    yield gauge("payment_webhooks_waiting", "Webhooks not yet applied", payments.queries.waiting_receipts())


def goods(at: datetime) -> Families:
    """Vouchers that are worth something, cashback that is owed, imports that stand still."""
    active = vouchers.queries.tickets_active_total()
    yield gauge("tickets_active_total", "Vouchers that can be used now or later", active)
    owed = dict.fromkeys(settings.USD_RATES, 0) | {each["currency"]: each["minor"] for each in pending_amounts()}
    yield gauges("cashback_pending_minor", "Cashback that is not yet the customers', by currency", "currency", owed)
    yield gauge(
        "cashback_pending_usd", "The same in dollars, by the site's rates", cashback.queries.cashback_pending_usd()
    )
    states = cashback.queries.cashback_events_by_state()
    yield gauges("cashback_events", "Cashback events by state", "state", states)
    oldest = cashback.queries.cashback_oldest_pending_seconds(at)
    yield gauge("cashback_oldest_pending_seconds", "How long the oldest waits for an approval", oldest)
    states = cashback.queries.payouts_by_state()
    yield gauges("payouts", "Payouts by state", "state", states)
    waiting = cashback.queries.payouts_oldest_requested_seconds(at)
    yield gauge("payouts_oldest_requested_seconds", "How long the oldest payout waits for a second person", waiting)
    yield gauge("payouts_stuck", "Payouts open at the bank for too long, or failed", cashback.queries.payouts_stuck(at))
    yield gauge("import_jobs_stalled", "Running imports that do nothing", cashback.queries.imports_stalled(at))


def invariants(at: datetime) -> Families:
    """Rows that break what must hold."""
    broken = {finding.invariant: finding.broken_rows for finding in reconcile()}
    yield gauges("reconciliation_broken_rows", "Rows that break an invariant", "invariant", broken)


def switches(at: datetime) -> Families:
    """Flags that may go, and changes of flags that wait."""
    reasons = Counter(str(reason.value) for stale in stale_flags(at) for reason in stale.reasons)
    by_reason = dict.fromkeys(StaleReason.values, 0) | reasons
    yield gauges("feature_flag_stale", "Flags that may go, by why", "reason", by_reason)
    waiting = flags.queries.waiting_changes()
    yield gauges("feature_flag_planned_changes", "Changes of flags that wait, by state", "state", waiting)


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


def distinct(titles: Sequence[str]) -> list[str]:
    """People know products by their titles; of those with the same title, each but the first gets a number."""
    seen: Counter[str] = Counter()
    names = []
    for title in titles:
        seen[title] += 1
        names.append(title if seen[title] == 1 else f"{title} ({seen[title]})")
    return names


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def gauges(name: str, text: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


# How often each is read, in seconds: the invariants walk whole tables.
READINGS: dict[Callable[[datetime], Families], float] = {
    outbox: 2,
    sales: 2,
    goods: 10,
    switches: 60,
    invariants: 60,
    migrations: 60,
}
