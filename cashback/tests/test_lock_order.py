"""No two bookings wait for each other: wallets are locked all at once, in the order of their ids."""

import re
from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from cashback.models import Account, CashbackEvent
from cashback.services import (
    Entry,
    Target,
    adjust_events,
    adjustments,
    approve_events,
    book,
    bookings,
    open_wallets,
    track_order,
)
from cashback.tests.conftest import Books
from cashback.tests.factories import fund
from conftest import MakeUser
from orders.models import FlashSale
from tests.crowd import Crowd, meet
from vouchers.tests.factories import new_paid_order


@pytest.mark.django_db
def test_booking__locks_wallets_by_id_then_writes_rows_then_balances(make_user: MakeUser, accrual: Account) -> None:
    wallets = open_wallets(owners=[make_user(), make_user()], currency="GBP")
    one, other = (each for each in wallets.values() if each.kind == "available")
    fund(other, accrual, amount_minor=10)
    entries = [
        Entry(debit=debit, credit=credit, amount_minor=5, source_type="t", source_id=uuid4(), reason="adjustment")
        for debit, credit in ((other, one), (accrual, other))
    ]

    with CaptureQueriesContext(connection) as seen:
        book(entries=entries)

    said = [query["sql"] for query in seen if not re.match(r"(RELEASE )?SAVEPOINT", query["sql"])]
    assert [sql.split()[0] for sql in said] == ["SELECT", "INSERT", "UPDATE"]
    assert re.search(r"IN \(\d+, \d+\) ORDER BY 1 ASC FOR NO KEY UPDATE$", said[0])
    assert "INTO cashback_transfer" in said[1]
    assert "UPDATE cashback_account" in said[2]


# --- Two imports that take cashback of the same two customers back, in opposite orders ------------------------------
@pytest.fixture
def crossing(make_user: MakeUser, sale: FlashSale) -> list[list[int]]:
    """Paid cashback of two customers: the first import changes one's before the other's, the second the other way."""
    one, other = make_user(), make_user()
    events = [paid_event(buyer, sale).pk for buyer in (one, other, other, one)]
    return [events[:2], events[2:]]


def paid_event(buyer: User, sale: FlashSale) -> CashbackEvent:
    at = timezone.now()
    [event] = track_order(order=new_paid_order(buyer, sale).public_id, at=at)
    approve_events(events=[event], at=at)
    return event


def claw_back(*, events: list[int]) -> int:
    """All of them, as one import does; how many were news."""
    rows = CashbackEvent.objects.filter(pk__in=events).order_by("pk")
    return len(adjust_events(targets=[Target(row, row.original_minor, 10) for row in rows], reason="import"))


def claw_back_in_a_larger_transaction(*, events: list[int]) -> int:
    with transaction.atomic():
        return claw_back(events=events)


def paced() -> None:
    """Everybody has booked a first difference before anybody books a second."""
    step, done = adjustments.book_paid_difference, []

    def book_and_meet(*args: object) -> None:
        step(*args)  # type: ignore[arg-type]
        done.append(args)
        if len(done) == 1:
            meet()

    adjustments.book_paid_difference = book_and_meet


def paced_without_lock() -> None:
    paced()
    bookings.lock = lambda ids: None


@pytest.mark.django_db(transaction=True)
class TestCrossing:
    def test_without_the_lock__one_is_ended_by_the_database(self, crowd: Crowd, crossing: list[list[int]]) -> None:
        """The control: if this fails, the next test proves nothing."""
        answers = crowd.at_once(*doing(claw_back_in_a_larger_transaction, crossing), unguard=paced_without_lock)

        assert sorted(answers, key=str) == [2, "OperationalError"]

    def test_with_the_lock__both_are_booked(self, crowd: Crowd, crossing: list[list[int]], broken: Books) -> None:
        answers = crowd.at_once(*doing(claw_back_in_a_larger_transaction, crossing), unguard=paced, patience=0.5)

        assert answers == [2, 2]
        assert broken() == {}

    def test_ended_by_the_database__is_done_again(self, crowd: Crowd, crossing: list[list[int]], broken: Books) -> None:
        """As when a worker has put many messages into one transaction."""
        answers = crowd.at_once(*doing(claw_back, crossing), unguard=paced_without_lock)

        assert answers == [2, 2]
        assert set(CashbackEvent.objects.values_list("clawed_back_minor", "adjustments")) == {(10, 1)}
        assert broken() == {}


def doing(action: Callable[..., int], crossing: list[list[int]]) -> list[partial[int]]:
    return [partial(action, events=events) for events in crossing]
