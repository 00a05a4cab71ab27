"""Clearing forgets the hour in Redis, and nothing else."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY
from redis.exceptions import ConnectionError as RedisIsAway

from accounts.models import User
from coupon_site import redis
from monitoring import window
from monitoring.services import record_slot
from monitoring.tests.conftest import MakeOrder
from orders.models import Order, OrderState

pytestmark = pytest.mark.django_db

ADDRESS = "/monitoring/metrics/clear"


def test_operator__clears_the_hour_and_leaves_a_trace(client: Client, operator: User, make_order: MakeOrder) -> None:
    make_order(state=OrderState.FULFILLED)
    record_slot(at=timezone.now())
    redis.client().set("something:else", "stays")
    counted = REGISTRY.get_sample_value("orders_created_total")
    client.force_login(operator)

    response = client.post(ADDRESS)

    assert response.json()["removed_keys"] > 5
    assert window.durations(window.ORDER_LATENCY) == []
    assert redis.client().get("something:else") == b"stays"
    assert REGISTRY.get_sample_value("orders_created_total") == counted
    assert Order.objects.count() == 1
    assert LogEntry.objects.get().user == operator


def test_what_was_cleared__does_not_come_back_with_the_next_slot(
    client: Client, operator: User, make_order: MakeOrder
) -> None:
    make_order(state=OrderState.FULFILLED)
    client.force_login(operator)
    client.post(ADDRESS)

    record_slot(at=timezone.now())

    assert window.durations(window.ORDER_LATENCY) == []
    assert window.statuses() == {"success": 0, "failed": 0, "pending": 0}


def test_others__are_refused_and_nothing_goes(client: Client, user: User, make_user, make_order: MakeOrder) -> None:
    make_order(state=OrderState.FULFILLED)
    record_slot(at=timezone.now())

    answers = [client.post(ADDRESS).status_code]
    for who in (user, make_user(is_staff=True, groups=["finance"])):
        client.force_login(who)
        answers.append(client.post(ADDRESS).status_code)

    assert answers == [401, 403, 403]
    assert window.durations(window.ORDER_LATENCY) != []
    assert not LogEntry.objects.exists()


def test_foreign_page__can_not_clear(operator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)

    assert client.post(ADDRESS).status_code == 403


def test_redis_away__is_said_and_leaves_no_trace(
    client: Client, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(operator)

    def fail(*args: object, **kwargs: object) -> None:
        raise RedisIsAway

    monkeypatch.setattr("redis.Redis.execute_command", fail)

    assert client.post(ADDRESS).json()["code"] == "window_unavailable"
    assert client.get("/monitoring/benchmark").status_code == 503
    assert not LogEntry.objects.exists()


def test_get__is_not_allowed(client: Client, operator: User) -> None:
    client.force_login(operator)

    assert client.get(ADDRESS).status_code == 405
