"""What tests of payments begin with."""

from collections.abc import Callable

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from payments.models import Payment
from payments.queries import INVARIANTS
from payments.tests.factories import captured, new_payment

Books = Callable[[], dict[str, int]]


@pytest.fixture(autouse=True)
def _no_bank(settings: Settings) -> None:
    """Nobody listens where the bank would be, unless a test asks for it."""
    settings.SANDBOX_URL = "http://127.0.0.1:9"


@pytest.fixture
def bank(live_server: LiveServer, settings: Settings, _no_bank: None) -> None:
    """The sandbox bank, in a web server of its own."""
    settings.SANDBOX_URL = live_server.url
    settings.SANDBOX_SLOW_SECONDS = 0


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
