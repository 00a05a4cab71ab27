from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from cashback.models import CashbackEvent, Conversion, ImportJob
from cashback.services import track_order
from cashback.tests.factories import import_lines, line
from conftest import MakeUser
from orders.models import FlashSale, Order
from vouchers.tests.factories import new_paid_order

ApiOf = Callable[[User], APIClient]
pytestmark = pytest.mark.django_db

EVENTS, WALLET, CONVERSIONS, IMPORTS = (
    f"/api/v1/{path}" for path in ("cashback/events/", "wallet/", "conversions/", "imports/")
)
LINES = [
    line("1", "A", 2),
    line("2", "B", 1, customer="99.0"),
    line("C3", "A", -1, at="2010-12-09 00:00:00"),
    line("4", customer=""),
]


@pytest.fixture
def event(paid_order: Order) -> CashbackEvent:
    [event] = track_order(order=paid_order.public_id, at=timezone.now())
    return event


@pytest.fixture
def others(make_user: MakeUser, sale: FlashSale) -> CashbackEvent:
    """Somebody else's cashback."""
    [event] = track_order(order=new_paid_order(make_user(), sale).public_id, at=timezone.now())
    return event


@pytest.fixture
def job(tmp_path: Path) -> ImportJob:
    return import_lines(tmp_path, LINES)


# --- cashback events and wallet ---


def test_customer__sees_own_cashback_only(
    api_of: ApiOf, user: User, event: CashbackEvent, others: CashbackEvent
) -> None:
    client = api_of(user)

    [shown] = client.get(EVENTS).json()["results"]

    assert shown["id"] == str(event.public_id)
    assert (shown["state"], shown["amount_minor"], shown["currency"], shown["network"]) == (
        "pending",
        100,
        "GBP",
        "shop",
    )
    assert shown["order"] == str(event.order_line.order.public_id)  # type: ignore[union-attr]
    assert client.get(f"{EVENTS}{event.public_id}").json() == shown
    assert client.get(f"{EVENTS}{event.public_id}/").json() == shown
    assert client.get(f"{EVENTS}{others.public_id}").status_code == 404
    assert client.get(f"{EVENTS}{uuid4()}").status_code == 404
    assert client.get(f"{EVENTS}nonsense").status_code == 404


def test_finance__sees_all(api_of: ApiOf, make_user: MakeUser, event: CashbackEvent, others: CashbackEvent) -> None:
    client = api_of(make_user(groups=["finance"]))

    shown = client.get(EVENTS).json()["results"]

    assert [each["id"] for each in shown] == [str(others.public_id), str(event.public_id)]
    one = client.get(EVENTS, {"buyer": str(others.buyer.public_id)}).json()["results"]
    assert [each["id"] for each in one] == [str(others.public_id)]
    assert client.get(EVENTS, {"state": "paid"}).json()["results"] == []
    assert client.get(EVENTS, {"state": "nonsense"}).status_code == 400


def test_nobody__gets_nothing(api: APIClient, db: None) -> None:
    answers = {path: api.get(path) for path in (EVENTS, WALLET, CONVERSIONS, IMPORTS)}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert all(answer.headers["Content-Type"] == "application/problem+json" for answer in answers.values())


@pytest.mark.parametrize("path", [EVENTS, CONVERSIONS, IMPORTS])
def test_more_rows__take_no_more_queries(api_of: ApiOf, make_user: MakeUser, tmp_path: Path, path: str) -> None:
    client = api_of(make_user(groups=["finance"]))
    import_lines(tmp_path, [line("1", customer="1.0")])
    client.get(path)
    with CaptureQueriesContext(connection) as few:
        client.get(path)

    for number in range(2, 6):
        import_lines(tmp_path, [line(str(number), customer=f"{number}.0")])
    with CaptureQueriesContext(connection) as many:
        assert len(client.get(path).json()["results"]) == 5

    assert len(many) == len(few)


# --- conversions ---


def test_operator__sees_conversions(api_of: ApiOf, operator: User, job: ImportJob) -> None:
    client = api_of(operator)

    [cancellation, *_] = client.get(CONVERSIONS, {"is_cancellation": True}).json()["results"]
    [purchase] = client.get(CONVERSIONS, {"external_id": "1", "network": "online-retail"}).json()["results"]

    assert (cancellation["external_id"], cancellation["gross_minor"], cancellation["cancelled_minor"]) == (
        "C3",
        -1000,
        1000,
    )
    assert (purchase["gross_minor"], purchase["cancelled_minor"], purchase["buyer_ref"]) == (2000, 1000, "17850")
    assert purchase["cashback_event"] == str(CashbackEvent.objects.get(conversion__external_id="1").public_id)
    assert client.get(f"{CONVERSIONS}{purchase['id']}").json() == purchase
    assert client.get(f"{CONVERSIONS}{uuid4()}").status_code == 404


@pytest.mark.parametrize("path", [CONVERSIONS, IMPORTS])
def test_customer__is_no_operator(api_of: ApiOf, user: User, job: ImportJob, path: str) -> None:
    client = api_of(user)
    ids = [Conversion.objects.all()[0].public_id, job.public_id]

    answers = [client.get(path), *(client.get(f"{path}{each}") for each in ids)]

    assert {answer.status_code for answer in answers} == {403}
