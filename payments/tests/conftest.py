"""What tests of payments begin with."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from payments.models import Payment
from payments.providers import adapter_of
from payments.providers.registry import made
from payments.queries import INVARIANTS
from payments.tests.factories import captured, new_payment
from payments.tests.stripe_account import SECRET_KEY, WEBHOOK_SECRET
from payments.tests.stripe_stub import StripeStub, running

Books = Callable[[], dict[str, int]]
Tell = Callable[..., list[int]]


@pytest.fixture(autouse=True)
def _no_bank(settings: Settings) -> None:
    """Nobody listens where the bank would be, unless a test asks for it."""
    settings.SANDBOX_URL = "http://127.0.0.1:9"


@pytest.fixture
def bank(live_server: LiveServer, settings: Settings, _no_bank: None) -> None:
    """The sandbox bank, in a web server of its own."""
    settings.SANDBOX_URL = live_server.url
    settings.SANDBOX_SLOW_SECONDS = 0


def forget_adapters() -> None:
    """The next ones are made by the settings of the moment; none leaves a connection open."""
    adapter_of("sandbox").http.close()
    made.cache_clear()


@pytest.fixture
def stripe(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeStub]:
    """New payments go to a Stripe of the test's own, on the loopback."""
    monkeypatch.setenv("NO_PROXY", "*")
    with running() as stub:
        settings.PAYMENT_PROVIDER = "stripe"
        settings.STRIPE_SECRET_KEY = SECRET_KEY
        settings.STRIPE_WEBHOOK_SECRETS = [WEBHOOK_SECRET]
        settings.STRIPE_API_BASE = stub.url
        forget_adapters()
        yield stub
    forget_adapters()


@pytest.fixture
def payment(user: User) -> Payment:
    return new_payment(user)


@pytest.fixture
def captured_payment(user: User) -> Payment:
    return captured(user)


@pytest.fixture
def broken() -> Books:
    """Every invariant that does not hold, with the number of rows that break it."""
    return lambda: {name: rows for name, count in INVARIANTS.items() if (rows := count())}


@pytest.fixture
def tell(stripe: StripeStub, live_server: LiveServer, drain: Callable[[], int]) -> Tell:
    """Stripe's webhooks arrive and are applied."""

    def deliver(**how: Any) -> list[int]:
        statuses = stripe.deliver(live_server.url, **how)
        drain()
        return statuses

    return deliver
