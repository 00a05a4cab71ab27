"""What every test may ask for."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import create_user, issue_token
from coupon_site import health, redis
from events import wake
from events.relay import streams
from events.services import execution
from flags import current as flags_current
from flags import mirror
from flags.current import current
from orders import gate
from tests.crowd import Crowd
from tests.pristine import Pristine

MakeUser = Callable[..., User]
_numbers = count(1)

# In a busy run Redis is slow, and not away.
redis.TIMEOUT_SECONDS = gate.TIMEOUT_SECONDS = streams.TIMEOUT_SECONDS = wake.RING_TIMEOUT_SECONDS = 30.0
health.BUDGET_SECONDS = 30.0
# A process that stood still for a moment has still its turn.
execution.ALONE_SECONDS = execution.TOGETHER_SECONDS = 30.0


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Tests that commit leave the database as migrations made it."""
    with django_db_blocker.unblock():
        Pristine().replace_flush()
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # A thread that served a test may still hold a connection, and with it the database.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session", autouse=True)
def _patience() -> None:
    """Checks of flags wait for Redis, too; what they wait for in the product is known to the tests of that."""
    mirror.TIMEOUT_SECONDS = flags_current.FIRST_WAIT_SECONDS = 30.0


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    """No test sees what another left in Redis."""
    redis.client().flushall()
    cache.clear()
    current.forget()


@pytest.fixture
def make_user(db: None) -> MakeUser:
    """Users by role: make_user(groups=["operators"])."""

    def make(**fields: Any) -> User:
        number = next(_numbers)
        return create_user(**{"email": f"user{number}@example.com", "name": f"User {number}", **fields})

    return make


@pytest.fixture
def user(make_user: MakeUser) -> User:
    return make_user()


@pytest.fixture
def operator(make_user: MakeUser) -> User:
    return make_user(groups=["operators"], is_staff=True)


@pytest.fixture
def superuser(make_user: MakeUser) -> User:
    user = make_user(is_staff=True, password="long enough for a test")
    user.is_superuser = True
    user.save(update_fields=["is_superuser"])
    return user


@pytest.fixture
def api() -> APIClient:
    """An anonymous client of the API."""
    return APIClient()


@pytest.fixture
def api_of() -> Callable[[User], APIClient]:
    """A client that signs in by API token, as programs do."""

    def client(user: User) -> APIClient:
        _, text = issue_token(user=user, name="test")
        signed = APIClient()
        signed.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        return signed

    return client


@pytest.fixture
def drain(db: None) -> Callable[[], int]:
    """Work off the outbox in this process."""
    from events.services import drain as drain_outbox

    return drain_outbox


@pytest.fixture(scope="session")
def crowd(django_db_setup: None) -> Iterator[Crowd]:
    """Real processes that do things at the same instant; for tests of `django_db(transaction=True)`."""
    with Crowd() as crowd:
        yield crowd


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One for each core that may be used, and none more: what is tested by the clock must not wait for a turn."""
    return len(os.sched_getaffinity(0))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several processes none is left alone with a slow test at the end: these come first."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests measured: each line that one recorded by record_property("summary", …), from every worker."""
    lines = [
        str(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == "summary"
    ]
    if lines:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(lines))
