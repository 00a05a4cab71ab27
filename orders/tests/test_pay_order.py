"""From a reserved order to its money and back, over real HTTP: the bank runs in the test's own web server."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from events.models import OutboxMessage
from orders.models import FlashSale, Order, OrderState
from orders.services import expire_orders, mark_fulfilled, pay_order, refund_order, retry_payment
from orders.tests.conftest import Books
from orders.tests.factories import LineRequest, ReserveRequest, new_order, new_sale, reserve
from payments.models import Payment, PaymentState, SandboxCharge, WebhookReceipt

pytestmark = pytest.mark.django_db(transaction=True)
Drain = Callable[[], int]
# Whether an app above issues vouchers is its own matter.
SOLD = {OrderState.PAID, OrderState.FULFILLED}


@pytest.fixture(autouse=True)
def _bank(live_server: LiveServer, settings: Settings, _no_bank: None) -> None:
    settings.SANDBOX_URL = live_server.url
    settings.SANDBOX_SLOW_SECONDS = 0


def reserve_with(buyer: User, sale: FlashSale, method: str) -> Order:
    lines = (LineRequest(sale=sale.public_id, quantity=2),)
    [order] = reserve(requests=[ReserveRequest(buyer=buyer, lines=lines, payment_method=method)], at=timezone.now())
    assert isinstance(order, Order)
    return order


@pytest.mark.parametrize("method", ["card", "card_slow", "card_duplicate"])
def test_card_that_pays__ends_in_a_paid_order(
    user: User, sale: FlashSale, method: str, drain: Drain, broken: Books
) -> None:
    order = reserve_with(user, sale, method)

    drain()

    order.refresh_from_db()
    payment = Payment.objects.get()
    assert order.state in SOLD
    assert (order.paid_by, payment.state, payment.captured_minor) == (payment, PaymentState.CAPTURED, 2000)
    assert payment.provider_ref == SandboxCharge.objects.get().reference
    assert (payment.payer, payment.reference, payment.method) == (user, order.public_id, method)
    assert not OutboxMessage.objects.exclude(state="delivered").exists()
    assert broken() == {}


def test_webhook_twice_and_out_of_order__changes_nothing_more(user: User, sale: FlashSale, drain: Drain) -> None:
    reserve_with(user, sale, "card_duplicate")

    drain()

    receipts = {receipt.event_type: receipt for receipt in WebhookReceipt.objects.all()}
    assert (receipts["charge.captured"].copies, receipts["charge.captured"].outcome) == (2, "applied")
    assert (receipts["charge.pending"].copies, receipts["charge.pending"].outcome) == (1, "ignored")


def test_declined_card__leaves_the_order_reserved_and_the_buyer_tries_again(
    user: User, sale: FlashSale, drain: Drain, broken: Books
) -> None:
    order = reserve_with(user, sale, "card_declined")
    drain()
    order.refresh_from_db()
    assert order.state == OrderState.RESERVED
    assert Payment.objects.get().failure_code == "card_declined"

    second = retry_payment(order=order, method="card", at=timezone.now())
    drain()

    order.refresh_from_db()
    assert order.state in SOLD
    assert order.paid_by == second
    assert [payment.state for payment in Payment.objects.order_by("id")] == ["failed", "captured"]
    assert broken() == {}


def test_declined_card_never_tried_again__expires(user: User, sale: FlashSale, drain: Drain, broken: Books) -> None:
    order = reserve_with(user, sale, "card_declined")
    drain()

    expire_orders(at=order.expires_at)

    assert sale.stock.get().available == 10
    assert broken() == {}


def test_first_payment__is_started_once_however_often_it_is_asked_for(
    user: User, sale: FlashSale, drain: Drain
) -> None:
    order = reserve_with(user, sale, "card_declined")
    drain()

    pay_order(order=order, at=timezone.now())

    assert Payment.objects.count() == SandboxCharge.objects.count() == 1


def test_free_order__is_paid_without_the_bank(user: User, drain: Drain, broken: Books) -> None:
    order = new_order(user, new_sale(price_minor=0))

    drain()

    order.refresh_from_db()
    assert order.state in SOLD
    assert not Payment.objects.exists()
    assert broken() == {}


def test_order_whose_hold_ran_out__is_not_charged(order: Order, drain: Drain) -> None:
    Order.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    drain()

    assert not Payment.objects.exists()


def test_bank_away__the_charge_waits_without_losing_an_attempt(
    order: Order, settings: Settings, live_server: LiveServer, drain: Drain
) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    drain()
    message = OutboxMessage.objects.get(handler="orders.handlers.start_payment")
    assert (message.state, message.attempts) == ("pending", 0)
    assert Payment.objects.get().state == PaymentState.CREATED

    settings.SANDBOX_URL = live_server.url
    OutboxMessage.objects.update(due_at=timezone.now())
    drain()

    order.refresh_from_db()
    assert order.state in SOLD
    assert Payment.objects.count() == 1


def test_refund__goes_to_the_bank_and_comes_back_done(user: User, sale: FlashSale, drain: Drain, broken: Books) -> None:
    order = reserve_with(user, sale, "card")
    drain()
    mark_fulfilled(order=order)

    refund = refund_order(order=order, amount_minor=1200, key="part")
    drain()
    refund_order(order=order)
    drain()

    order.refresh_from_db()
    refund.refresh_from_db()
    assert (order.state, order.refunded_minor, refund.state) == (OrderState.REFUNDED, 2000, "done")
    assert Payment.objects.get().state == PaymentState.REFUNDED
    assert SandboxCharge.objects.get().refunded_minor == 2000
    assert sale.stock.get().available == 10
    assert broken() == {}


def test_late_capture_without_stock__comes_back_to_the_buyer(
    user: User, drain: Drain, settings: Settings, broken: Books
) -> None:
    sale = new_sale(stock=2)
    settings.SANDBOX_SLOW_SECONDS = 3600
    order = reserve_with(user, sale, "card_slow")
    drain()
    expire_orders(at=order.expires_at)
    new_order(user, sale, quantity=2)

    OutboxMessage.objects.filter(state="pending").update(due_at=timezone.now())
    drain()

    order.refresh_from_db()
    assert (order.state, order.refunded_minor) == (OrderState.REFUNDED, 2000)
    assert Payment.objects.get(reference=order.public_id).state == PaymentState.REFUNDED
    assert (
        SandboxCharge.objects.get(key=Payment.objects.get(reference=order.public_id).public_id).refunded_minor == 2000
    )
    assert broken() == {}
