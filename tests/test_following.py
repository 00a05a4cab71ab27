"""Lists that say where their channel stood before their rows were read."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from events.hub.event_stream import cursor_of
from events.models import OutboxChannel
from orders.api.orders import OrderViewSet
from orders.models import OrderQuerySet

LISTS = {"events:orders": "orders", "events:cashback": "cashback/events", "events:alerts": "alerts"}
ORDERS = "/api/v1/orders/"


@pytest.fixture
def staff(superuser: User, api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(superuser)


@pytest.mark.parametrize("channel", LISTS)
def test_list__says_where_to_follow_from(staff: APIClient, channel: str) -> None:
    OutboxChannel.objects.create(channel=channel, epoch="k3Jx", last_seq=44, published_seq=42)

    answer = staff.get(f"/api/v1/{LISTS[channel]}/")

    assert answer.headers["Stream-Position"] == f"{channel}=k3Jx:42"
    assert cursor_of(answer.headers["Stream-Position"]) == {channel: ("k3Jx", 42)}


def test_channel_that_nothing_was_said_on__begins_at_none(staff: APIClient) -> None:
    assert staff.get(ORDERS).headers["Stream-Position"] == "events:orders=:0"


def test_event_while_the_rows_are_read__is_after_the_position(
    staff: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    OutboxChannel.objects.create(channel="events:orders", epoch="k3Jx", last_seq=42, published_seq=42)
    rows = OrderViewSet.get_queryset

    def read(view: OrderViewSet) -> OrderQuerySet:
        OutboxChannel.objects.update(last_seq=43, published_seq=43)
        return rows(view)

    monkeypatch.setattr(OrderViewSet, "get_queryset", read)

    assert staff.get(ORDERS).headers["Stream-Position"] == "events:orders=k3Jx:42"


def test_one_row__names_no_position(staff: APIClient) -> None:
    assert "Stream-Position" not in staff.get("/api/v1/orders/00000000-0000-7000-8000-000000000000").headers
