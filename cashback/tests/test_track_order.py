from collections.abc import Callable
from datetime import timedelta

import orjson
import pytest
from django.utils import timezone
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from cashback.handlers import settle_cashback
from cashback.models import CashbackEvent
from cashback.queries import balances_of
from cashback.services import track_order
from cashback.services.tracking import spread
from cashback.tests.conftest import Books
from coupon_site.models import StateChange
from events.models import OutboxEvent
from flags import override_flags
from orders.models import FlashSale, Order, OrderLine
from orders.services import refund_order
from orders.tests.factories import new_offer, new_order, new_sale
from vouchers.tests.factories import new_paid_order

Drain = Callable[[], int]
pytestmark = pytest.mark.django_db


def wallet_of(user: User) -> list[tuple[str, int, int]]:
    return [tuple(balance) for balance in balances_of(user)]


def test_paid_order__is_pending_line_by_line(user: User, broken: Books) -> None:
    generous = new_sale(offer=new_offer(cashback_basis_points=500), price_minor=1050)
    nothing = new_sale(offer=new_offer(cashback_basis_points=0))
    order = new_paid_order(user, generous, nothing, quantity=3)

    [event] = track_order(order=order.public_id, at=timezone.now())

    assert (event.state, event.original_minor, event.network, event.buyer) == ("pending", 158, "shop", user)  # 157.5
    assert event.order_line.sale == generous
    assert wallet_of(user) == [("GBP", 158, 0)]
    assert broken() == {}


def test_pending__is_told_to_the_buyer_and_to_those_who_look_after_it(user: User, paid_order: Order) -> None:
    [event] = track_order(order=paid_order.public_id, at=timezone.now())

    told = OutboxEvent.objects.get(event_type="cashback.pending")
    assert told.channel == "events:cashback"
    assert set(told.audience) == {f"user:{user.public_id}", "perm:cashback.view_cashbackevent"}
    assert told.aggregate_id == str(event.public_id)
    assert orjson.loads(told.payload)["order_number"] == paid_order.number
    assert StateChange.objects.get(object_id=event.public_id).to_state == "pending"


def test_told_twice__is_once(user: User, paid_order: Order, broken: Books) -> None:
    track_order(order=paid_order.public_id, at=timezone.now())

    assert track_order(order=paid_order.public_id, at=timezone.now()) == []

    assert wallet_of(user) == [("GBP", 100, 0)]
    assert CashbackEvent.objects.count() == 1
    assert broken() == {}


def test_order_that_is_not_paid__gets_none(user: User, sale: FlashSale) -> None:
    order = new_order(user, sale)

    assert track_order(order=order.public_id, at=timezone.now()) == []

    assert not CashbackEvent.objects.exists()


def test_flag_on__is_paid_by_the_next_sweep(user: User, paid_order: Order, drain: Drain, broken: Books) -> None:
    with override_flags({"cashback.auto_approve": True}):
        drain()
        settle_cashback()

    event = CashbackEvent.objects.get()
    assert event.state == "paid"
    assert wallet_of(user) == [("GBP", 0, 100)]
    way = StateChange.objects.filter(object_id=event.public_id).order_by("id").values_list("to_state", flat=True)
    assert list(way) == ["pending", "confirmed", "payable", "paid"]
    names = OutboxEvent.objects.filter(channel="events:cashback").order_by("id").values_list("event_type", flat=True)
    assert list(names) == ["cashback.pending", "cashback.confirmed", "cashback.payable", "cashback.paid"]
    assert broken() == {}


def test_flag_off__waits_for_an_approval(user: User, paid_order: Order, drain: Drain) -> None:
    with override_flags({"cashback.auto_approve": False}):
        drain()
        settle_cashback()

    assert CashbackEvent.objects.get().state == "pending"
    assert wallet_of(user) == [("GBP", 100, 0)]


def test_hold__is_waited_for(user: User, paid_order: Order, settings: Settings) -> None:
    settings.CASHBACK_HOLD_SECONDS = 3600
    now = timezone.now()

    with override_flags({"cashback.auto_approve": True}):
        track_order(order=paid_order.public_id, at=now)
        settle_cashback()

    event = CashbackEvent.objects.get()
    assert (event.state, event.hold_until) == ("confirmed", now + timedelta(hours=1))
    assert wallet_of(user) == [("GBP", 100, 0)]


@pytest.mark.parametrize(("approved", "state"), [(False, "declined"), (True, "reversed")])
def test_refunded_order__leaves_no_cashback(
    user: User, paid_order: Order, drain: Drain, broken: Books, *, approved: bool, state: str
) -> None:
    with override_flags({"cashback.auto_approve": approved}):
        drain()
        settle_cashback()
        refund_order(order=paid_order, amount_minor=2000, reason="broken", key="refund-1")
        drain()

    assert CashbackEvent.objects.get().state == state
    assert wallet_of(user) == [("GBP", 0, 0)]
    assert OutboxEvent.objects.filter(event_type=f"cashback.{state}").count() == 1
    assert broken() == {}


@pytest.mark.parametrize("approved", [False, True])
def test_part_of_the_money_went_back__cashback_remains_on_what_was_kept(
    user: User, paid_order: Order, drain: Drain, broken: Books, approved: bool
) -> None:
    with override_flags({"cashback.auto_approve": approved}):
        drain()
        settle_cashback()
        Order.objects.filter(pk=paid_order.pk).update(refunded_minor=500)
        from cashback.services import follow_refund

        paid_order.refresh_from_db()
        follow_refund(order=paid_order)
        follow_refund(order=paid_order)

    event = CashbackEvent.objects.get()
    assert (event.original_minor, event.clawed_back_minor, event.amount_minor) == (100, 25, 75)
    assert wallet_of(user) == [("GBP", 0, 75) if approved else ("GBP", 75, 0)]
    assert broken() == {}


def test_refunded_in_part_before_it_was_tracked__starts_smaller(user: User, paid_order: Order, broken: Books) -> None:
    Order.objects.filter(pk=paid_order.pk).update(refunded_minor=1000)

    track_order(order=paid_order.public_id, at=timezone.now())

    assert wallet_of(user) == [("GBP", 50, 0)]
    assert broken() == {}


@example(amount=9, costs=[1] * 10)
@hypothesis_settings(deadline=None)
@given(
    amount=st.integers(0, 10_000),
    costs=st.lists(st.integers(0, 1_000), min_size=1, max_size=10),
)
def test_spread__adds_up_and_gives_no_line_more_than_it_cost(amount: int, costs: list[int]) -> None:
    shares = spread(amount, [OrderLine(line_total_minor=cost) for cost in costs])

    assert sum(shares) == min(amount, sum(costs))
    assert all(0 <= share <= cost for share, cost in zip(shares, costs, strict=True))
