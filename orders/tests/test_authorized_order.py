"""Orders whose money is authorised first, over the sandbox bank's HTTP."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from events.models import OutboxMessage
from orders.models import FlashSale, Order, OrderState
from orders.services import cancel_order, expire_orders
from orders.tests.conftest import Books
from orders.tests.factories import LineRequest, ReserveRequest, reserve
from payments.models import Payment, SandboxCharge
from payments.services import capture_payment

pytestmark = pytest.mark.django_db(transaction=True)
Drain = Callable[[], int]
SOLD = {OrderState.PAID, OrderState.FULFILLED}


@pytest.fixture(autouse=True)
def _bank(live_server: LiveServer, settings: Settings, _no_bank: None) -> None:
    settings.SANDBOX_URL = live_server.url
    settings.SANDBOX_SLOW_SECONDS = 0


@pytest.fixture
def pay(user: User, sale: FlashSale, drain: Drain) -> Callable[..., Order]:
    """An order of two units, whose payment has been started."""

    def start(method: str = "card_authorize") -> Order:
        lines = (LineRequest(sale=sale.public_id, quantity=2),)
        [order] = reserve(requests=[ReserveRequest(buyer=user, lines=lines, payment_method=method)], at=timezone.now())
        assert isinstance(order, Order)
        drain()
        order.refresh_from_db()
        return order

    return start


def states(order: Order, drain: Drain) -> tuple[str, str, str]:
    """Of order, payment, and the charge at the bank, when everything has come to rest."""
    drain()
    order.refresh_from_db()
    return order.state, Payment.objects.get().state, SandboxCharge.objects.get().state


def test_authorized__the_order_waits_for_somebody_to_capture(
    pay: Callable[..., Order], drain: Drain, broken: Books
) -> None:
    order = pay()
    assert states(order, drain) == ("reserved", "authorized", "authorized")

    capture_payment(payment=Payment.objects.get())

    assert states(order, drain)[0] in SOLD
    assert SandboxCharge.objects.get().state == "captured"
    assert broken() == {}


def test_cancelled_order__lets_its_authorisation_go(
    pay: Callable[..., Order], user: User, sale: FlashSale, drain: Drain, broken: Books
) -> None:
    order = pay()

    cancel_order(order=order, actor=user)

    assert states(order, drain) == ("cancelled", "cancelled", "voided")
    assert sale.stock.get().available == 10
    assert broken() == {}


def test_expired_order__lets_its_authorisation_go(pay: Callable[..., Order], drain: Drain, broken: Books) -> None:
    order = pay()

    expire_orders(at=order.expires_at)

    assert states(order, drain) == ("expired", "cancelled", "voided")
    assert broken() == {}


def test_authorisation_that_comes_after_the_end__is_let_go(
    pay: Callable[..., Order], settings: Settings, drain: Drain, broken: Books
) -> None:
    settings.PAYMENT_CAPTURE = "manual"
    settings.SANDBOX_SLOW_SECONDS = 3600
    order = pay("card_slow")
    expire_orders(at=order.expires_at)
    assert states(order, drain) == ("expired", "pending", "pending")

    OutboxMessage.objects.filter(state="pending").update(due_at=timezone.now())

    assert states(order, drain) == ("expired", "cancelled", "voided")
    assert broken() == {}


def test_capture_that_was_decided_before_the_order_ran_out__is_a_late_capture(
    pay: Callable[..., Order], drain: Drain, broken: Books
) -> None:
    order = pay()
    capture_payment(payment=Payment.objects.get())

    expire_orders(at=order.expires_at)

    assert states(order, drain)[0] in SOLD
    assert broken() == {}


def test_order_that_is_charged_back__is_undone(
    pay: Callable[..., Order], sale: FlashSale, drain: Drain, broken: Books
) -> None:
    order = pay("card_dispute_lost")

    assert states(order, drain) == ("refunded", "charged_back", "captured")
    assert order.refunded_minor == 0
    assert sale.stock.get().available == 10
    assert broken() == {}


def test_dispute_that_is_won__changes_nothing_for_the_order(
    pay: Callable[..., Order], drain: Drain, broken: Books
) -> None:
    order = pay("card_dispute_won")

    assert states(order, drain)[0] in SOLD
    assert Payment.objects.get().state == "captured"
    assert Order.objects.unpaid_past(timezone.now() + timedelta(days=1)).count() == 0
    assert broken() == {}
