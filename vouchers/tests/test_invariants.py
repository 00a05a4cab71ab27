"""Each invariant finds the row that breaks it, and nothing else; figures count what they say."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from orders.services import refund_order
from vouchers.models import Redemption, Voucher
from vouchers.queries import tickets_active_total
from vouchers.services import void_redemption
from vouchers.tests.conftest import Books
from vouchers.tests.factories import accepted, new_paid_order, new_till, new_voucher, new_vouchers

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy(user: User) -> Voucher:
    """Vouchers in several states; one with one of two uses taken and another taken back."""
    refund_order(order=new_voucher(user).line.order)
    used = new_voucher(user)
    accepted(new_till(used.merchant), used)
    voucher = new_voucher(user, uses_per_voucher=2)
    till = new_till(voucher.merchant)
    accepted(till, voucher)
    void_redemption(redemption=accepted(till, voucher), at=timezone.now())
    return voucher


def test_busy_shop__breaks_nothing(busy: Voucher, broken: Books) -> None:
    assert broken() == {}


def test_unit_without_voucher__is_found(busy: Voucher, user: User, broken: Books) -> None:
    Voucher.objects.filter(pk=new_vouchers(user, quantity=2)[0].pk).delete()

    assert broken() == {"sold_lines_with_wrong_vouchers": 1}


def test_voucher_of_no_unit__is_found(busy: Voucher, broken: Books) -> None:
    Voucher.objects.filter(pk=busy.pk).update(unit_no=1)

    assert broken() == {"sold_lines_with_wrong_vouchers": 1}


def test_paid_order_that_waits__is_found_after_a_while(busy: Voucher, user: User, broken: Books) -> None:
    order = new_paid_order(user, busy.line.sale)
    assert broken() == {}

    Order.objects.filter(pk=order.pk).update(paid_at=timezone.now() - timedelta(minutes=6))

    assert broken() == {"paid_orders_without_vouchers": 1}


def test_counter_that_is_not_the_uses__is_found(busy: Voucher, broken: Books) -> None:
    Voucher.objects.filter(pk=busy.pk).update(uses_done=0)

    assert broken() == {"voucher_uses_that_differ": 1}


def test_use_that_was_not_counted__is_found(busy: Voucher, broken: Books) -> None:
    Redemption.objects.create(
        voucher=busy, merchant=busy.merchant, device=new_till(), nonce="x", created_at=timezone.now()
    )

    assert broken() == {"voucher_uses_that_differ": 1}


@pytest.mark.parametrize(("now", "then"), [("active", "redeemed"), ("redeemed", "active")])
def test_state_that_its_uses_deny__is_found(busy: Voucher, broken: Books, now: str, then: str) -> None:
    Voucher.objects.filter(state=now).update(state=then)

    assert broken() == {"vouchers_redeemed_with_uses_left": 1}


def test_good_voucher_of_a_refunded_order__is_found(busy: Voucher, broken: Books) -> None:
    Voucher.objects.filter(state="cancelled").update(state="active")

    assert broken() == {"vouchers_of_refunded_orders": 1}


def test_active_vouchers__are_those_that_can_be_used(busy: Voucher, user: User) -> None:
    assert tickets_active_total() == 1
    waits = new_voucher(user, valid_from=timezone.now() + timedelta(days=1))

    assert tickets_active_total() == 2
    Voucher.objects.filter(pk=waits.pk).update(expires_at=timezone.now())
    assert tickets_active_total() == 1
