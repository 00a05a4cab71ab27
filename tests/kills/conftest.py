"""A site whose processes may be killed."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from events.tests.receiver import Receiver, receiving
from orders.models import Order
from orders.tests.factories import new_offer, new_order, new_sale


@pytest.fixture(autouse=True)
def _site(live_server: LiveServer, settings: Settings) -> None:
    """The bank's counter and the site's; a lease ends at once, and nothing is too young to be checked."""
    settings.SANDBOX_URL = live_server.url
    settings.OUTBOX_LEASE_SECONDS = 0
    settings.RECONCILE_GRACE_SECONDS = 0


@pytest.fixture
def order(user: User) -> Order:
    """Two units at £10, of which 5 % come back."""
    return new_order(user, new_sale(offer=new_offer(cashback_basis_points=500)), quantity=2)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A shop front that takes webhooks."""
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    with receiving() as server:
        yield server
