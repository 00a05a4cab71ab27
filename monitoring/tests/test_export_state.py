"""The state exporter: figures from the database, kept when it is away."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import OperationalError
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from monitoring.exporter import StateCollector
from monitoring.queries import state
from monitoring.tests.conftest import MakeOrder, MakeSale
from orders.models import OrderState

pytestmark = pytest.mark.django_db

EXPORTED = {
    "outbox_queued_total",
    "outbox_in_flight_total",
    "outbox_messages",
    "outbox_oldest_pending_age_seconds",
    "outbox_dead_messages",
    "flash_sale_inventory_units",
    "flash_sale_queue_length",
    "flash_sale_jobs_active",
    "webhook_deliveries",
    "webhook_endpoints_failing",
    "orders_pending",
    "feature_flag_stale",
    "feature_flag_planned_changes",
    "tickets_active_total",
    "orders_overdue",
    "payments_stuck",
    "payment_refunds_failed",
    "payment_disputes_open",
    "payment_webhooks_waiting",
    "cashback_pending_minor",
    "cashback_pending_usd",
    "cashback_events",
    "cashback_oldest_pending_seconds",
    "payouts",
    "payouts_oldest_requested_seconds",
    "payouts_stuck",
    "import_jobs_stalled",
    "reconciliation_broken_rows",
    "django_migrations_unapplied_total",
    "django_migrations_applied_total",
    "state_exporter_last_success_timestamp_seconds",
}


def exposed(collector: StateCollector) -> dict[tuple[str, tuple[str, ...]], float]:
    registry = CollectorRegistry()
    registry.register(collector)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(each.name, tuple(each.labels.values())): each.value for family in families for each in family.samples}


def test_figures__are_exported_as_they_are_in_the_database(make_order: MakeOrder, make_sale: MakeSale) -> None:
    sale = make_sale(total=40, reserved=1, sold=9)
    make_order(state=OrderState.RESERVED, sale=sale)
    make_order(state=OrderState.EXPIRED, sale=sale)
    collector = StateCollector()

    done = collector.read_due()

    figures = exposed(collector)
    assert done == len(state.READINGS)
    assert {name for name, _ in figures} >= EXPORTED
    assert figures["flash_sale_inventory_units", (sale.title,)] == 30
    assert figures["flash_sale_queue_length", ("orders",)] == 0
    assert figures["orders_pending", ()] == 1
    assert figures["outbox_messages", ("dead",)] == 0
    assert figures["feature_flag_stale", ("review",)] == figures["feature_flag_planned_changes", ("proposed",)] == 0
    assert figures["django_migrations_unapplied_total", ("default",)] == 0


def test_gauges_named_total__stay_gauges() -> None:
    collector = StateCollector()
    collector.read_due()

    types = {family.name: family.type for family in collector.collect()}

    assert types["outbox_queued_total"] == types["tickets_active_total"] == "gauge"
    assert set(types) == EXPORTED


@pytest.mark.parametrize("error", [OperationalError, ZeroDivisionError])
def test_failing_reading__keeps_the_last_figures_and_lets_their_age_show(error: type[Exception]) -> None:
    def reading(at: object) -> Iterator[GaugeMetricFamily]:
        if is_away:
            raise error
        yield state.gauge("units", "Units", 7)

    is_away = False
    collector = StateCollector({reading: 0})
    collector.read_due()
    read_at = exposed(collector)["state_exporter_last_success_timestamp_seconds", ("reading",)]
    is_away = True
    collector.due[reading] = 0.0

    assert collector.read_due() == 0
    assert exposed(collector) == {
        ("units", ()): 7,
        ("state_exporter_last_success_timestamp_seconds", ("reading",)): read_at,
    }
    assert 0 < read_at <= time.time()


def test_before_the_first_success__the_age_is_endless() -> None:
    figures = exposed(StateCollector())

    assert set(figures.values()) == {0.0}


def test_slow_reading__gets_a_tenth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("monitoring.exporter.time", SimpleNamespace(monotonic=lambda: now[0], time=time.time))

    def reading(at: object) -> Iterator[GaugeMetricFamily]:
        now[0] += 0.5
        yield state.gauge("units", "Units", 7)

    collector = StateCollector({reading: 0.01})
    collector.read_due()

    assert collector.due[reading] == 105.5
    now[0] = 105.4
    assert collector.read_due() == 0
    now[0] = 105.5
    assert collector.read_due() == 1


def test_scrape__asks_the_database_nothing(django_assert_num_queries) -> None:
    collector = StateCollector()
    collector.read_due()

    with django_assert_num_queries(0):
        exposed(collector)


def test_command_once__ends_with_a_sentence() -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    out = StringIO()

    call_command("export_state", port=0, once=True, stdout=out)

    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert out.getvalue().splitlines()[-1] == f"Done: {len(state.READINGS)} readings."


def test_sigterm__ends_the_process_cleanly() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "manage.py", "export_state", "--port", str(port)]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "coupon_site.settings"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            page = answer_of(port)
            process.send_signal(signal.SIGTERM)
            out, errors = process.communicate(timeout=60)
        finally:
            process.kill()

    assert "state_exporter_last_success" in page, errors
    assert process.returncode == 0, errors
    assert b"Done: " in out


def answer_of(port: int) -> str:
    """The exporter's page, as soon as it serves one."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
                return page.read().decode()
        except OSError:
            time.sleep(0.2)
    return ""
