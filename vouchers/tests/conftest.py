"""What tests of vouchers begin with."""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from accounts.models import User
from orders.models import FlashSale, Order
from orders.tests.factories import new_sale
from vouchers.models import ScannerDevice, Voucher
from vouchers.queries import INVARIANTS
from vouchers.tests.factories import new_paid_order, new_till, new_voucher

Books = Callable[[], dict[str, int]]


@pytest.fixture(autouse=True)
def _no_bank(settings: Settings) -> None:
    """Nobody listens where the bank would be."""
    settings.SITE_URL = "http://127.0.0.1:9"


@pytest.fixture
def sale(db: None) -> FlashSale:
    return new_sale()


@pytest.fixture
def paid_order(user: User, sale: FlashSale) -> Order:
    """Two units, without vouchers yet."""
    return new_paid_order(user, sale, quantity=2)


@pytest.fixture
def voucher(user: User) -> Voucher:
    """Good for one use."""
    return new_voucher(user)


@pytest.fixture
def till(voucher: Voucher) -> ScannerDevice:
    """A till that may take the voucher."""
    return new_till(voucher.merchant)


@pytest.fixture
def broken() -> Books:
    """Every invariant that does not hold, with the number of rows that break it."""
    return lambda: {name: rows for name, count in INVARIANTS.items() if (rows := count())}
