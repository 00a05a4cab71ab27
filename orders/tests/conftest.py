"""What tests of orders begin with."""

from collections.abc import Callable

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from orders.gate import gate
from orders.models import FlashSale, Order
from orders.queries import INVARIANTS
from orders.services import confirm_order, expire_orders, mark_fulfilled
from orders.tests.factories import captured_payment, new_order, new_sale
from payments.queries import INVARIANTS as PAYMENT_INVARIANTS

Books = Callable[[], dict[str, int]]


@pytest.fixture(autouse=True)
def _no_bank(settings: Settings) -> None:
    """Nobody listens where the bank would be, unless a test says so; nothing is too young to be checked."""
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    settings.RECONCILE_GRACE_SECONDS = 0


@pytest.fixture(autouse=True)
def _fresh_gate() -> None:
    """A gate that was closed by one test is tried again by the next."""
    gate.cache_clear()


@pytest.fixture
def sale(db: None) -> FlashSale:
    return new_sale()


@pytest.fixture
def buyer(user: User, api_of: Callable[[User], APIClient]) -> APIClient:
    """A customer's program."""
    return api_of(user)


@pytest.fixture
def staff(operator: User, api_of: Callable[[User], APIClient]) -> APIClient:
    """An operator's program."""
    return api_of(operator)


@pytest.fixture
def order(user: User, sale: FlashSale) -> Order:
    """Two units, reserved."""
    return new_order(user, sale, quantity=2)


@pytest.fixture
def paid_order(order: Order) -> Order:
    payment = captured_payment(order)
    return confirm_order(order=order, captured_minor=order.total_minor, payment=payment)


@pytest.fixture
def fulfilled_order(paid_order: Order) -> Order:
    return mark_fulfilled(order=paid_order)


@pytest.fixture
def expired_order(order: Order) -> Order:
    assert expire_orders(at=order.expires_at) == 1
    order.refresh_from_db()
    return order


@pytest.fixture
def broken() -> Books:
    """Every invariant that does not hold, with the number of rows that break it."""

    def check() -> dict[str, int]:
        figures = {name: count() for name, count in {**PAYMENT_INVARIANTS, **INVARIANTS}.items()}
        return {name: rows for name, rows in figures.items() if rows}

    return check
