"""Approving, holding, declining and taking back."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import User
from cashback.handlers import settle_cashback
from cashback.models import Account, AccountKind, CashbackEvent, CashbackState, Transfer
from cashback.queries import balances_of
from cashback.services import (
    Target,
    adjust_events,
    amend_event,
    approve_events,
    clear_events,
    decline_events,
    hold_events,
    platform_account,
    release_due,
    reverse_events,
    track_order,
    transfer,
)
from cashback.tests.conftest import Books
from coupon_site.errors import IllegalTransition
from coupon_site.models import StateChange
from events.models import OutboxEvent
from flags import override_flags
from orders.models import FlashSale, Order
from vouchers.tests.factories import new_paid_order

MakeUser = Callable[..., User]
pytestmark = pytest.mark.django_db


@pytest.fixture
def event(paid_order: Order) -> CashbackEvent:
    """Pending, £1."""
    [event] = track_order(order=paid_order.public_id, at=timezone.now())
    return event


@pytest.fixture
def paid(event: CashbackEvent) -> CashbackEvent:
    approve_events(events=[event], at=timezone.now())
    event.refresh_from_db()
    return event


def wallet_of(user: User) -> tuple[int, int]:
    [balance] = balances_of(user)
    return balance.pending_minor, balance.available_minor


def test_approved_without_a_hold__can_be_spent(
    event: CashbackEvent, user: User, make_user: MakeUser, broken: Books
) -> None:
    finance = make_user(groups=["finance"])

    approve_events(events=[event], at=timezone.now(), actor=finance, reason="looks fine")

    event.refresh_from_db()
    assert (event.state, wallet_of(user)) == ("paid", (0, 100))
    assert event.confirmed_at is not None
    assert event.paid_at is not None
    change = StateChange.objects.get(object_id=event.public_id, to_state="confirmed")
    assert (change.actor, change.reason) == (finance, "looks fine")
    assert broken() == {}


def test_approved__is_counted_by_network(
    event: CashbackEvent, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    before = REGISTRY.get_sample_value("cashback_confirmations_total", {"network": "shop"})

    with django_capture_on_commit_callbacks(execute=True):
        approve_events(events=[event], at=timezone.now())
        approve_events(events=[event], at=timezone.now())

    assert before is not None
    assert REGISTRY.get_sample_value("cashback_confirmations_total", {"network": "shop"}) == before + 1


@pytest.mark.parametrize("state", sorted(set(CashbackState) - {CashbackState.PENDING, CashbackState.HELD}))
def test_any_other_state__is_not_approved_and_nothing_changes(event: CashbackEvent, user: User, state: str) -> None:
    CashbackEvent.objects.filter(pk=event.pk).update(state=state)
    seen = OutboxEvent.objects.count()

    assert approve_events(events=[event], at=timezone.now()) == []

    event.refresh_from_db()
    assert event.state == state
    assert wallet_of(user) == (100, 0)
    assert OutboxEvent.objects.count() == seen


def test_many__take_as_many_statements_as_one(
    make_user: MakeUser, sale: FlashSale, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    at = timezone.now()
    events = [track_order(order=new_paid_order(make_user(), sale).public_id, at=at)[0] for _ in range(4)]

    with CaptureQueriesContext(connection) as one:
        approve_events(events=events[:1], at=at)

    with django_assert_num_queries(len(one)):
        approve_events(events=events[1:], at=at)


def test_hold_over__the_sweep_pays(paid_order: Order, user: User, settings: Settings, broken: Books) -> None:
    settings.CASHBACK_HOLD_SECONDS = 60
    now = timezone.now()
    events = track_order(order=paid_order.public_id, at=now)
    approve_events(events=events, at=now)

    assert release_due(at=now + timedelta(seconds=59), limit=10) == 0
    assert wallet_of(user) == (100, 0)
    assert release_due(at=now + timedelta(seconds=60), limit=10) == 1

    assert wallet_of(user) == (0, 100)
    assert broken() == {}


@pytest.mark.parametrize(("flag", "state"), [(True, "paid"), (False, "pending")])
def test_sweep__approves_what_waits_only_with_the_flag_on(event: CashbackEvent, flag: bool, state: str) -> None:
    with override_flags({"cashback.auto_approve": flag}):
        assert settle_cashback() == int(flag)

    event.refresh_from_db()
    assert event.state == state


def test_held__is_not_paid_until_it_is_approved_again(
    paid_order: Order, user: User, operator: User, settings: Settings, broken: Books
) -> None:
    settings.CASHBACK_HOLD_SECONDS = 60
    now = timezone.now()
    later = now + timedelta(hours=1)
    events = track_order(order=paid_order.public_id, at=now)
    approve_events(events=events, at=now)

    hold_events(events=events, actor=operator, reason="odd")
    assert release_due(at=later, limit=10) == 0
    approve_events(events=events, at=later, actor=operator)

    assert wallet_of(user) == (0, 100)
    assert broken() == {}


@pytest.mark.parametrize("before", ["pending", "confirmed", "held"])
def test_declined__goes_out_of_the_wallet(
    paid_order: Order, user: User, operator: User, settings: Settings, broken: Books, *, before: str
) -> None:
    settings.CASHBACK_HOLD_SECONDS = 60
    events = track_order(order=paid_order.public_id, at=timezone.now())
    if before != "pending":
        approve_events(events=events, at=timezone.now())
    if before == "held":
        hold_events(events=events, actor=operator, reason="odd")

    decline_events(events=events, actor=operator, reason="not theirs")

    event = CashbackEvent.objects.get()
    assert (event.state, wallet_of(user)) == ("declined", (0, 0))
    reversal = Transfer.objects.get(reason="decline")
    assert reversal.reverses == Transfer.objects.get(reason="accrual")
    assert broken() == {}


def test_declined_twice__is_once(event: CashbackEvent, user: User, broken: Books) -> None:
    decline_events(events=[event])

    assert decline_events(events=[event]) == []

    assert wallet_of(user) == (0, 0)
    assert broken() == {}


def test_paid__is_not_declined(paid: CashbackEvent, user: User) -> None:
    assert decline_events(events=[paid]) == []

    assert wallet_of(user) == (0, 100)


def test_reversed__comes_out_of_the_wallet(paid: CashbackEvent, user: User, broken: Books) -> None:
    reverse_events(events=[paid], reason="sent back")
    assert reverse_events(events=[paid], reason="sent back") == []

    paid.refresh_from_db()
    assert (paid.state, paid.written_off_minor, wallet_of(user)) == ("reversed", 0, (0, 0))
    assert Transfer.objects.get(reason="reversal").reverses == Transfer.objects.get(reason="release")
    assert broken() == {}


@pytest.mark.parametrize(("depth", "left", "lost"), [(0, 0, 70), (50, -50, 20), (500, -70, 0)])
def test_spent_already__is_taken_down_to_the_floor_and_the_rest_written_off(
    paid: CashbackEvent, user: User, broken: Books, *, depth: int, left: int, lost: int
) -> None:
    Account.objects.filter(owner=user, kind="available").update(floor_minor=-depth)
    spend(user, 70, paid)

    reverse_events(events=[paid], reason="sent back")

    paid.refresh_from_db()
    assert wallet_of(user) == (0, left)
    assert paid.written_off_minor == lost
    assert broken() == {}


def test_restored_after_it_was_written_off__is_not_paid_a_second_time(
    paid: CashbackEvent, user: User, broken: Books
) -> None:
    spend(user, 70, paid)
    adjust_events(targets=[Target(paid, 100, 100)], reason="cancelled")
    paid.refresh_from_db()
    assert (paid.amount_minor, paid.written_off_minor, wallet_of(user)) == (0, 70, (0, 0))

    adjust_events(targets=[Target(paid, 100, 20)], reason="only a part of it")

    paid.refresh_from_db()
    assert (paid.amount_minor, paid.written_off_minor, wallet_of(user)) == (80, 0, (0, 10))
    assert broken() == {}


def test_spent_and_found_to_be_worth_less__the_rest_is_written_off(
    paid: CashbackEvent, user: User, broken: Books
) -> None:
    spend(user, 100, paid)

    adjust_events(targets=[Target(paid, 40, 0)], reason="the network amended it")

    paid.refresh_from_db()
    assert (paid.original_minor, paid.written_off_minor, wallet_of(user)) == (40, 60, (0, 0))
    assert broken() == {}


# --- amended by hand ---


@pytest.mark.parametrize("amount_minor", [0, 40, 250], ids=["nothing", "less", "more"])
@pytest.mark.parametrize("approved", [False, True], ids=["pending", "paid"])
def test_amended__the_difference_is_booked(
    event: CashbackEvent, user: User, operator: User, broken: Books, *, approved: bool, amount_minor: int
) -> None:
    if approved:
        approve_events(events=[event], at=timezone.now())

    amend_event(event=event, amount_minor=amount_minor, reason="agreed with the shop", actor=operator)

    event.refresh_from_db()
    assert (event.original_minor, event.amount_minor) == (100, amount_minor)
    assert wallet_of(user) == ((0, amount_minor) if approved else (amount_minor, 0))
    change = StateChange.objects.filter(object_id=event.public_id).latest("id")
    assert (change.from_state, change.to_state, change.actor) == (event.state, event.state, operator)
    assert OutboxEvent.objects.filter(event_type="cashback.amended").count() == 1
    assert broken() == {}


def test_amended_and_then_cancelled_in_part__both_count(
    event: CashbackEvent, user: User, operator: User, broken: Books
) -> None:
    amend_event(event=event, amount_minor=130, reason="a promise", actor=operator)

    adjust_events(targets=[Target(event, 100, 50)], reason="half of it came back")

    assert wallet_of(user) == (80, 0)
    assert broken() == {}


def test_amended_down_and_then_cancelled__is_worth_nothing_and_not_less(
    event: CashbackEvent, user: User, operator: User, broken: Books
) -> None:
    amend_event(event=event, amount_minor=30, reason="too much", actor=operator)

    adjust_events(targets=[Target(event, 100, 80)], reason="most of it came back")

    event.refresh_from_db()
    assert (event.amount_minor, event.correction_minor, wallet_of(user)) == (0, -20, (0, 0))
    assert broken() == {}


def test_over__is_not_amended(event: CashbackEvent, user: User, operator: User) -> None:
    decline_events(events=[event])

    with pytest.raises(IllegalTransition):
        amend_event(event=event, amount_minor=5, reason="too late", actor=operator)

    assert wallet_of(user) == (0, 0)


@pytest.mark.parametrize(("state", "cleared"), [("held", 1), ("pending", 0), ("confirmed", 0)])
def test_only_held__is_cleared(event: CashbackEvent, operator: User, state: str, cleared: int) -> None:
    CashbackEvent.objects.filter(pk=event.pk).update(state=state)

    assert len(clear_events(events=[event], at=timezone.now(), actor=operator, reason="fine")) == cleared


def spend(user: User, amount_minor: int, cause: CashbackEvent) -> None:
    transfer(
        debit=Account.objects.get(owner=user, kind=AccountKind.AVAILABLE),
        credit=platform_account(kind=AccountKind.PAID_OUT, currency="GBP"),
        amount_minor=amount_minor,
        source_type="test",
        source_id=cause.public_id,
        reason="payout",
    )
