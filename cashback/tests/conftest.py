"""What tests of cashback begin with."""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from accounts.models import User
from cashback.models import Account, AccountKind, Network
from cashback.queries import INVARIANTS
from cashback.services import open_wallets, platform_account
from cashback.tests.factories import Wallet, fund
from orders.models import FlashSale, Order
from orders.tests.factories import new_offer, new_sale
from vouchers.tests.factories import new_paid_order

Books = Callable[[], dict[str, int]]


@pytest.fixture(autouse=True)
def _no_bank(settings: Settings) -> None:
    """Nobody listens where the bank would be; nothing is too young to be checked."""
    settings.SITE_URL = settings.SANDBOX_URL = "http://127.0.0.1:9"
    settings.RECONCILE_GRACE_SECONDS = 0


@pytest.fixture
def broken() -> Books:
    """Every invariant that does not hold, with the number of rows that break it."""
    return lambda: {name: rows for name, count in INVARIANTS.items() if (rows := count())}


@pytest.fixture
def accrual(db: None) -> Account:
    return platform_account(kind=AccountKind.ACCRUAL, currency="GBP")


@pytest.fixture
def wallet(user: User) -> Wallet:
    """An empty wallet in pounds."""
    accounts = {kind: account for (_, kind), account in open_wallets(owners=[user], currency="GBP").items()}
    return Wallet(accounts["pending"], accounts["available"])


@pytest.fixture
def funded(wallet: Wallet, accrual: Account) -> Wallet:
    """A wallet with £10 to spend."""
    fund(wallet.available, accrual, amount_minor=1000)
    return wallet


@pytest.fixture
def network(db: None) -> Network:
    """The shop whose file layout comes with the product: 5 %, 30 days."""
    return Network.objects.get(slug="online-retail")


@pytest.fixture
def sale(db: None) -> FlashSale:
    """Units at £10, of which 5 % come back."""
    return new_sale(offer=new_offer(cashback_basis_points=500))


@pytest.fixture
def paid_order(user: User, sale: FlashSale) -> Order:
    """Two units, paid."""
    return new_paid_order(user, sale, quantity=2)
