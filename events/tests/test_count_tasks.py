"""How often each handler and sweep was called, how it went and how long it took."""

from datetime import timedelta

import pytest
from django.db import transaction
from prometheus_client import REGISTRY

from events import enqueue, metrics
from events.models import OutboxMessage
from events.registry import Sweep, registry, task, task_name
from events.services import drain
from events.sweeper import run_sweep
from events.worker import Worker

pytestmark = pytest.mark.django_db


def counted(name: str, status: str) -> float:
    return REGISTRY.get_sample_value("tasks_processed_total", {"task": name, "status": status}) or 0.0


def timed(name: str) -> float:
    return REGISTRY.get_sample_value("task_duration_seconds_count", {"task": name}) or 0.0


@pytest.fixture
def handlers():
    """A task that works and one that does not, known for one test."""
    known = dict(registry.handlers)

    @task(topic="samples")
    def work(message: OutboxMessage) -> None:
        pass

    @task(topic="samples")
    def fail(message: OutboxMessage) -> None:
        raise ZeroDivisionError

    yield work, fail
    registry.handlers.clear()
    registry.handlers.update(known)


def test_calls_of_handlers__are_counted_by_name_and_outcome(handlers) -> None:
    work, fail = handlers
    good, bad = (task_name(name) for name in [*registry.handlers][-2:])
    before = counted(good, "success"), timed(good), counted(bad, "failed")
    with transaction.atomic():
        enqueue(work, {})
        enqueue(fail, {})

    drain()

    assert (counted(good, "success"), timed(good), counted(bad, "failed")) == tuple(each + 1 for each in before)
    assert counted(good, "failed") == 0
    assert (good, bad) == ("events.work", "events.fail")


@pytest.mark.parametrize(("works", "status"), [(True, "success"), (False, "failed")])
def test_sweep__is_counted_by_outcome(works: bool, status: str) -> None:
    def sweep() -> int:
        if not works:
            raise ZeroDivisionError
        return 1

    before = counted("events.sweep", status)

    run_sweep(Sweep(name="events.tests.sweep", function=sweep, every=timedelta(seconds=1)))

    assert counted("events.sweep", status) == before + 1


def test_message_for_nobody__makes_no_series() -> None:
    message = OutboxMessage.objects.create(topic="orders", handler="made.up", payload={})

    drain()

    message.refresh_from_db()
    assert "UnknownHandler" in message.last_error
    assert REGISTRY.get_sample_value("tasks_processed_total", {"task": "made.up", "status": "failed"}) is None


def test_worker__has_every_task_at_zero_before_the_first_call() -> None:
    Worker(["orders"])

    for name in registry.task_names(["orders"]):
        for status in metrics.TASK_STATUSES:
            assert REGISTRY.get_sample_value("tasks_processed_total", {"task": name, "status": status}) is not None
