"""Each invariant finds the row that breaks it, and nothing else."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from events import publish
from events.models import OutboxMessage
from orders.models import BuyerAllowance, FlashSale, Hold, Order, OrderLine, SaleStock
from orders.services import cancel_order, confirm_order, refund_order
from orders.tests.conftest import Books
from orders.tests.factories import captured_payment, new_order
from payments.events import PaymentCaptured, PaymentRefunded
from payments.models import Payment

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy(user: User, operator: User, sale: FlashSale, paid_order: Order) -> Order:
    """Orders in several states; the paid one."""
    new_order(operator, sale)
    cancel_order(order=new_order(user, sale), actor=user)
    refunded = new_order(operator, sale)
    confirm_order(order=refunded, captured_minor=1000, payment=captured_payment(refunded))
    refund_order(order=refunded)
    return paid_order


def test_busy_shop__breaks_nothing(busy: Order, broken: Books) -> None:
    assert broken() == {}


def test_units_that_nobody_holds__are_found(busy: Order, broken: Books) -> None:
    SaleStock.objects.update(reserved=F("reserved") + 1)

    assert broken() == {"orders_buckets_against_holds": 1}


def test_units_sold_to_nobody__are_found(busy: Order, broken: Books) -> None:
    SaleStock.objects.update(sold=F("sold") + 1)

    assert broken() == {"orders_buckets_against_holds": 1}


def test_allowance_off_by_one__is_found(busy: Order, broken: Books) -> None:
    BuyerAllowance.objects.filter(buyer=busy.buyer).update(quantity=1)

    assert broken() == {"orders_allowances_against_holds": 1}


def test_allowance_that_is_missing__is_found(busy: Order, broken: Books) -> None:
    BuyerAllowance.objects.filter(buyer=busy.buyer).delete()

    assert broken() == {"orders_allowances_against_holds": 1}


def test_hold_in_another_state_than_its_order__is_found(busy: Order, broken: Books) -> None:
    Hold.objects.filter(line__order=busy).update(state="held")
    SaleStock.objects.update(reserved=F("reserved") + 2, sold=F("sold") - 2)

    assert broken() == {"orders_holds_against_orders": 1}


def test_total_that_is_not_the_sum_of_lines__is_found(busy: Order, broken: Books) -> None:
    OrderLine.objects.filter(order=busy).update(discount_minor=1, line_total_minor=1999)

    assert broken() == {"orders_totals_against_lines": 1}


def test_money_without_an_order__is_found_after_a_while(busy: Order, broken: Books, settings: Settings) -> None:
    order = Order.objects.get(state="reserved")
    payment = captured_payment(order)
    settings.RECONCILE_GRACE_SECONDS = 60
    assert broken() == {}

    Payment.objects.filter(pk=payment.pk).update(captured_at=timezone.now() - timedelta(seconds=61))

    assert broken() == {"orders_captured_without_order": 1}


def test_money_whose_news_waits_for_a_busy_worker__is_not_found(busy: Order, broken: Books) -> None:
    order = Order.objects.get(state="reserved")
    payment = captured_payment(order)
    assert broken() == {"orders_captured_without_order": 1}

    publish(
        PaymentCaptured(
            payment=payment.public_id, reference=order.public_id, amount_minor=order.total_minor, currency="GBP"
        )
    )

    assert broken() == {}
    OutboxMessage.objects.filter(event="payment.captured").update(attempts=1)
    assert broken() == {"orders_captured_without_order": 1}


def test_paid_order_without_money__is_found(busy: Order, broken: Books) -> None:
    Order.objects.filter(pk=busy.pk).update(paid_by=None)
    Payment.objects.filter(reference=busy.public_id).delete()

    assert broken() == {"orders_paid_without_capture": 1}


def test_refund_the_order_does_not_know_of__is_found(busy: Order, broken: Books) -> None:
    Payment.objects.filter(reference=busy.public_id).update(refunded_minor=5, state="partly_refunded")

    assert set(broken()) == {"orders_refunds_against_payments", "payments_sums_of_refunds"}


def test_refund_whose_news_waits_for_a_busy_worker__is_not_found(busy: Order, broken: Books) -> None:
    payment = Payment.objects.get(reference=busy.public_id)
    Payment.objects.filter(pk=payment.pk).update(refunded_minor=5, state="partly_refunded")

    publish(
        PaymentRefunded(
            payment=payment.public_id,
            reference=busy.public_id,
            amount_minor=5,
            currency="GBP",
            refund=uuid4(),
            refunded_minor=5,
        )
    )

    assert set(broken()) == {"payments_sums_of_refunds"}
    OutboxMessage.objects.filter(event="payment.refunded").update(attempts=1)
    assert "orders_refunds_against_payments" in broken()
