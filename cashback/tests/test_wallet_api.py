"""A customer's wallet over REST."""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from cashback.models import Account, Transfer
from cashback.services import adjust_wallet, approve_events, reverse_events, track_order
from cashback.tests.factories import Wallet, fund, new_payout
from conftest import MakeUser
from coupon_site.api.streams import AT_ONCE, Streamed
from orders.models import FlashSale, Order
from vouchers.tests.factories import new_paid_order

ApiOf = Callable[[User], APIClient]
pytestmark = pytest.mark.django_db
WALLET, TRANSFERS, STATEMENT = (f"/api/v1/wallet/{path}" for path in ("", "transfers/", "statement/"))


@pytest.fixture
def earned(user: User, paid_order: Order) -> None:
    """£1 that can be spent."""
    approve_events(events=track_order(order=paid_order.public_id, at=timezone.now()), at=timezone.now())


def body_of(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


def test_wallet__shows_balances(api_of: ApiOf, user: User, earned: None) -> None:
    shown = api_of(user).get(WALLET).json()

    assert shown == {"balances": [{"currency": "GBP", "pending_minor": 0, "available_minor": 100, "debt_minor": 0}]}


def test_taken_back_after_it_was_spent__is_shown_as_debt(
    api_of: ApiOf, user: User, paid_order: Order, accrual: Account
) -> None:
    events = track_order(order=paid_order.public_id, at=timezone.now())
    approve_events(events=events, at=timezone.now())
    Account.objects.filter(owner=user, kind="available").update(floor_minor=-500)
    adjust_wallet(owner=user, amount_minor=-70, currency="GBP", reason="spent", actor=user, key=uuid4())

    reverse_events(events=events, reason="sent back")

    [balance] = api_of(user).get(WALLET).json()["balances"]
    assert (balance["available_minor"], balance["debt_minor"]) == (-70, 70)


def test_transfers__say_what_led_to_it_in_pages(
    api_of: ApiOf, user: User, earned: None, make_user: MakeUser, sale: FlashSale
) -> None:
    track_order(order=new_paid_order(make_user(), sale).public_id, at=timezone.now())
    client = api_of(user)

    first = client.get(TRANSFERS, {"page_size": 1}).json()
    second = client.get(first["next"]).json()

    rows = first["results"] + second["results"]
    assert [(row["kind"], row["origin"], row["target"], row["amount_minor"]) for row in rows] == [
        ("release", "pending", "available", 100),
        ("accrual", "platform", "pending", 100),
    ]
    assert second["next"] is None


# --- statements ---


@pytest.fixture
def history(user: User, earned: None, funded: Wallet) -> Wallet:
    """£1 of cashback, £10 given, £7 on their way out."""
    new_payout(user, amount_minor=700)
    return funded


def test_statement__opening_and_lines_make_the_closing_balance(
    api_of: ApiOf, user: User, history: Wallet, accrual: Account
) -> None:
    middle = timezone.now()
    fund(history.available, accrual, amount_minor=5)
    adjust_wallet(owner=user, amount_minor=-300, currency="GBP", reason="a mistake", actor=user, key=uuid4())
    client = api_of(user)

    until = json.loads(body_of(client.get(STATEMENT, {"currency": "GBP", "until": middle.isoformat()})))
    since = json.loads(body_of(client.get(STATEMENT, {"currency": "GBP", "since": middle.isoformat()})))

    assert until["opening"] == {"pending_minor": 0, "available_minor": 0}
    assert until["closing"] == since["opening"] == {"pending_minor": 0, "available_minor": 400}
    assert since["closing"] == {"pending_minor": 0, "available_minor": 105}
    assert [(row["kind"], row["pending_minor"], row["available_minor"]) for row in until["lines"]] == [
        ("accrual", 100, 0),
        ("release", -100, 100),
        ("adjustment", 0, 1000),
        ("payout", 0, -700),
    ]
    assert [row["available_after_minor"] for row in since["lines"]] == [405, 105]
    for statement in (until, since):
        moved = sum(row["available_minor"] for row in statement["lines"])
        assert statement["opening"]["available_minor"] + moved == statement["closing"]["available_minor"]


def test_statement_as_csv__is_the_same(api_of: ApiOf, user: User, history: Wallet) -> None:
    answer = api_of(user).get(STATEMENT, {"currency": "GBP", "form": "csv"}, headers={"Accept": "text/csv"})

    rows = list(csv.DictReader(StringIO(body_of(answer))))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="statement-GBP-')
    assert [row["kind"] for row in rows][:: len(rows) - 1] == ["opening", "closing"]
    assert sum(int(row["available_minor"] or 0) for row in rows) == int(rows[-1]["available_after_minor"]) == 400


async def test_answer__is_written_while_it_is_read() -> None:
    """As the site serves it: not collected first."""
    read = []

    def pieces() -> Iterator[bytes]:
        for number in range(2 * AT_ONCE):
            read.append(number)
            yield b"."

    seen = [(len(read), len(some)) async for some in Streamed(pieces())]

    assert seen == [(AT_ONCE, AT_ONCE), (2 * AT_ONCE, AT_ONCE)]


def test_long_statement__takes_as_many_queries(api_of: ApiOf, user: User, history: Wallet, accrual: Account) -> None:
    client = api_of(user)
    with CaptureQueriesContext(connection) as few:
        body_of(client.get(STATEMENT, {"currency": "GBP"}))
    for _ in range(5):
        fund(history.available, accrual, amount_minor=1)

    with CaptureQueriesContext(connection) as many:
        assert len(json.loads(body_of(client.get(STATEMENT, {"currency": "GBP"})))["lines"]) == 9

    assert len(many) == len(few)


def test_statement_of_nothing__is_empty(api_of: ApiOf, user: User) -> None:
    shown = json.loads(body_of(api_of(user).get(STATEMENT, {"currency": "CHF"})))

    assert (shown["lines"], shown["closing"]) == ([], {"pending_minor": 0, "available_minor": 0})


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"currency": "pounds"},
        {"currency": "GBP", "since": "yesterday"},
        {"currency": "GBP", "since": "2026-01-02T00:00:00Z", "until": "2026-01-02T00:00:00Z"},
        {"currency": "GBP", "form": "pdf"},
        {"currency": "GBP", "page": "2"},
        {"currency": "G\x00P"},
    ],
    ids=["nothing", "currency", "since", "period", "form", "unknown", "NUL"],
)
def test_senseless_period__is_refused(api_of: ApiOf, user: User, asked: dict[str, str]) -> None:
    answer = api_of(user).get(STATEMENT, asked)

    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("path", [WALLET, TRANSFERS, STATEMENT])
def test_nobody__gets_nothing(api: APIClient, path: str) -> None:
    assert api.get(path).status_code == 401


def test_others_wallet__is_not_in_it(api_of: ApiOf, make_user: MakeUser, history: Wallet) -> None:
    client = api_of(make_user())

    assert client.get(WALLET).json() == {"balances": []}
    assert client.get(TRANSFERS).json()["results"] == []
    later = {"currency": "GBP", "until": (timezone.now() + timedelta(days=1)).isoformat()}
    assert json.loads(body_of(client.get(STATEMENT, later)))["lines"] == []
    assert Transfer.objects.exists()
