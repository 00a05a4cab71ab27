from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxEvent
from orders.models import Order
from orders.services import refund_order
from payments.models import Refund
from vouchers.errors import VouchersUsed
from vouchers.models import Voucher, VoucherState
from vouchers.services import issue_vouchers, take_back_vouchers, void_redemption
from vouchers.tests.conftest import Books
from vouchers.tests.factories import accepted, new_till, new_vouchers, scan

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(user: User) -> list[Voucher]:
    """The two vouchers of one order."""
    return new_vouchers(user, quantity=2)


@pytest.fixture
def order(pair: list[Voucher]) -> Order:
    return Order.objects.get()


def states() -> list[str]:
    return list(Voucher.objects.order_by("id").values_list("state", flat=True))


def test_vouchers_that_nobody_used__are_cancelled(order: Order, pair: list[Voucher], operator: User) -> None:
    assert take_back_vouchers(order=order, at=timezone.now(), actor=operator, reason="sorry") == 2

    changes = StateChange.objects.filter(object_id__in=[voucher.public_id for voucher in pair])
    events = OutboxEvent.objects.filter(event_type="voucher.cancelled")
    assert states() == ["cancelled", "cancelled"]
    assert {(change.actor, change.reason, change.to_state) for change in changes} == {(operator, "sorry", "cancelled")}
    assert {event.aggregate_id for event in events} == {str(voucher.public_id) for voucher in pair}
    assert scan(new_till(pair[0].merchant), pair[0]).result == "cancelled"


def test_told_twice__is_once(order: Order) -> None:
    take_back_vouchers(order=order, at=timezone.now())

    assert take_back_vouchers(order=order, at=timezone.now()) == 0
    assert OutboxEvent.objects.filter(event_type="voucher.cancelled").count() == 2


def test_vouchers_of_other_orders__stay(order: Order, user: User) -> None:
    [other] = new_vouchers(user, quantity=1)

    take_back_vouchers(order=order, at=timezone.now())

    other.refresh_from_db()
    assert other.state == VoucherState.ACTIVE


def test_one_voucher_used__none_is_taken_back(order: Order, pair: list[Voucher]) -> None:
    accepted(new_till(pair[1].merchant), pair[1])

    with pytest.raises(VouchersUsed) as refusal:
        take_back_vouchers(order=order, at=timezone.now())

    assert refusal.value.context == {"used": 1}
    assert states() == ["active", "redeemed"]
    assert not OutboxEvent.objects.filter(event_type="voucher.cancelled").exists()


def test_one_of_several_uses_taken__is_too_late(user: User) -> None:
    [voucher] = new_vouchers(user, quantity=1, uses_per_voucher=5)
    accepted(new_till(voucher.merchant), voucher)

    with pytest.raises(VouchersUsed):
        take_back_vouchers(order=Order.objects.get(), at=timezone.now())

    assert states() == ["active"]


def test_voucher_on_its_way_as_a_gift__is_too_late(order: Order, pair: list[Voucher]) -> None:
    Voucher.objects.filter(pk=pair[0].pk).update(state="gift_locked")

    with pytest.raises(VouchersUsed):
        take_back_vouchers(order=order, at=timezone.now())

    assert states() == ["gift_locked", "active"]


def test_use_given_back__is_no_hindrance(order: Order, pair: list[Voucher]) -> None:
    use = accepted(new_till(pair[0].merchant), pair[0])
    void_redemption(redemption=use, at=timezone.now())

    assert take_back_vouchers(order=order, at=timezone.now()) == 2


def test_voucher_that_expired_unused__stays_expired(order: Order, pair: list[Voucher]) -> None:
    Voucher.objects.filter(pk=pair[0].pk).update(state="expired")

    assert take_back_vouchers(order=order, at=timezone.now()) == 1
    assert states() == ["expired", "cancelled"]


# --- with the money ---


def test_refund_of_an_order__takes_its_vouchers_back(order: Order, broken: Books) -> None:
    refund_order(order=order)

    order.refresh_from_db()
    assert order.state == "refunded"
    assert states() == ["cancelled", "cancelled"]
    assert broken() == {}


def test_refund_of_a_used_order__is_refused_and_nothing_changes(order: Order, pair: list[Voucher]) -> None:
    accepted(new_till(pair[0].merchant), pair[0])

    with pytest.raises(VouchersUsed):
        refund_order(order=order)

    order.refresh_from_db()
    assert order.state == "fulfilled"
    assert states() == ["redeemed", "active"]
    assert not Refund.objects.exists()


def test_refund_of_a_part__leaves_the_vouchers(order: Order) -> None:
    refund_order(order=order, amount_minor=1)

    assert states() == ["active", "active"]


def test_refund_before_the_vouchers_are_made__makes_none(
    paid_order: Order, drain: Callable[[], int], broken: Books
) -> None:
    refund_order(order=paid_order)

    drain()

    assert issue_vouchers(order=paid_order.public_id, at=timezone.now()) == []
    assert states() == []
    assert broken() == {}
