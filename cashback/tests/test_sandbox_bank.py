"""The sandbox bank's counter for transfers, as its one customer meets it, and payouts that go there over HTTP."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from cashback import providers
from cashback.models import Payout, SandboxTransfer
from cashback.services import approve_payout, poll_payouts, retry_payout, return_payout, send_payout
from cashback.tests.conftest import Books
from cashback.tests.factories import Wallet, balance, new_payout
from conftest import MakeUser
from events.models import OutboxMessage
from tests.live import wait_for

pytestmark = pytest.mark.django_db
Drain = Callable[[], int]
SOME_KEY = "0190b3c2-7d6e-7000-8000-000000000001"


@pytest.fixture
def ask(client: Client, settings: Settings) -> Callable[..., Any]:
    """A request by whoever holds the bank's key."""
    settings.SANDBOX_KEY = "the bank's key"
    settings.PROVIDER_TIMEOUT_SECONDS = -1  # silent at once

    def call(method: str, path: str, body: object = None, key: str = "the bank's key") -> Any:
        content = b"" if body is None else orjson.dumps(body, default=str)
        headers = {"Authorization": f"Bearer {key}"}
        return client.generic(method, f"/sandbox/{path}", content, content_type="application/json", headers=headers)

    return call


def wish(**fields: object) -> dict[str, object]:
    return {"key": uuid4(), "amount_minor": 700, "currency": "GBP", "destination": "GB33BUKB20201555555555", **fields}


def test_transfer__is_paid_once_for_a_key(ask: Callable[..., Any]) -> None:
    asked = wish()

    first, second = (ask("POST", "transfers", asked) for _ in range(2))

    assert (first.status_code, first.json()) == (201, second.json())
    assert first.json()["state"] == "paid"
    assert ask("GET", f"transfers/{asked['key']}").json() == first.json()
    assert SandboxTransfer.objects.get().asked == 2


def test_key_of_another_transfer__is_refused(ask: Callable[..., Any]) -> None:
    asked = wish()
    ask("POST", "transfers", asked)

    answer = ask("POST", "transfers", {**asked, "amount_minor": 701})

    assert (answer.status_code, answer.json()["code"]) == (409, "transfer_conflict")
    assert SandboxTransfer.objects.get().amount_minor == 700


@pytest.mark.parametrize(
    ("destination", "first", "found", "second"),
    [
        ("GB33BUKB20201555555555", "paid", "paid", "paid"),
        ("sandbox:declined", "declined", "declined", "declined"),
        ("sandbox:declined_once", "declined", "declined", "paid"),
        ("sandbox:slow", "pending", "pending", "pending"),
        ("sandbox:timeout_before", "lost", None, "paid"),
        ("sandbox:timeout_after", "paid", "paid", "paid"),
    ],
)
def test_destination__says_how_the_bank_behaves(
    ask: Callable[..., Any], *, destination: str, first: str, found: str | None, second: str
) -> None:
    asked = wish(destination=destination)

    answers = [ask("POST", "transfers", asked).json()["state"]]
    seen = ask("GET", f"transfers/{asked['key']}").json().get("state")
    answers.append(ask("POST", "transfers", asked).json()["state"])

    assert (answers[0], seen, answers[1]) == (first, found, second)


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "x"},
        {"amount_minor": 0},
        {"amount_minor": 2**63},
        {"currency": "pounds"},
        {"destination": ""},
        {"colour": "red"},
    ],
    ids=["key", "nothing", "huge", "currency", "destination", "unknown"],
)
def test_transfer_that_makes_no_sense__is_refused(ask: Callable[..., Any], fields: dict[str, object]) -> None:
    answer = ask("POST", "transfers", wish(**fields))

    assert (answer.status_code, set(answer.json()["errors"])) == (400, set(fields))


@pytest.mark.parametrize(("method", "path"), [("POST", "transfers"), ("GET", f"transfers/{SOME_KEY}")])
def test_bank__serves_only_its_customer_and_only_where_it_is_used(
    ask: Callable[..., Any], settings: Settings, method: str, path: str
) -> None:
    assert ask(method, path, key="guessed").status_code in {401, 403}
    assert ask(method, path, {}).status_code in {400, 404}

    settings.PAYOUT_PROVIDER = "another"

    assert ask(method, path, wish()).status_code == 404
    assert [error.id for error in run_checks() if error.id.startswith("cashback")] == ["cashback.E001"]


# --- the whole way, over HTTP ---


@pytest.fixture
def bank(live_server: LiveServer, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The bank in a web server of its own."""
    settings.SANDBOX_URL = live_server.url
    settings.SANDBOX_SLOW_SECONDS = 0
    adapter = providers.SandboxBank()
    monkeypatch.setattr(providers, "adapter_of", lambda name: adapter)
    with adapter.http:
        yield


@pytest.fixture
def drain_in_haste(drain: Drain, settings: Settings) -> Callable[[], None]:
    """Work off the outbox without waiting for the bank for long; the bank hears of it all the same."""

    def work() -> None:
        patience, settings.PROVIDER_TIMEOUT_SECONDS = settings.PROVIDER_TIMEOUT_SECONDS, 1.0
        drain()
        wait_for(SandboxTransfer.objects.exists, "the bank to hear of it")
        settings.PROVIDER_TIMEOUT_SECONDS = patience

    return work


@pytest.fixture
def pay_to(user: User, funded: Wallet, make_user: MakeUser) -> Callable[[str], Payout]:
    """An approved payout of £7 of £10."""

    def pay(destination: str) -> Payout:
        payout = new_payout(user, amount_minor=700, destination=destination)
        return approve_payout(payout=payout, actor=make_user(), at=timezone.now())

    return pay


def state_of(payout: Payout) -> str:
    payout.refresh_from_db()
    return payout.state


@pytest.mark.django_db(transaction=True)
def test_paid__in_one_request(
    bank: None, pay_to: Callable[[str], Payout], drain: Drain, funded: Wallet, broken: Books
) -> None:
    payout = pay_to("GB33BUKB20201555555555")

    drain()

    assert state_of(payout) == "paid"
    assert payout.provider_ref == SandboxTransfer.objects.get().reference
    assert balance(funded.available) == 300
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_timed_out_after_the_effect__is_found_and_never_sent_again(
    bank: None, pay_to: Callable[[str], Payout], drain_in_haste: Callable[[], None], broken: Books
) -> None:
    payout = pay_to("sandbox:timeout_after")
    drain_in_haste()
    assert state_of(payout) == "unknown"

    send_payout(OutboxMessage(payload={"payout": payout.public_id}))  # as if the worker had been killed
    poll_payouts(at=payout.poll_at)

    assert state_of(payout) == "paid"
    assert SandboxTransfer.objects.get().asked == 1
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_timed_out_before_the_effect__is_sent_again_by_somebody_and_paid_once(  # noqa: PLR0917  fixtures
    bank: None,
    pay_to: Callable[[str], Payout],
    drain_in_haste: Callable[[], None],
    drain: Drain,
    make_user: MakeUser,
    broken: Books,
) -> None:
    payout = pay_to("sandbox:timeout_before")
    drain_in_haste()
    poll_payouts(at=timezone.now() + timezone.timedelta(days=1))
    assert state_of(payout) == "failed"

    retry_payout(payout=payout, actor=make_user())
    drain()

    assert state_of(payout) == "paid"
    assert [row.state for row in SandboxTransfer.objects.all()] == ["paid"]
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_slow__is_settled_by_the_poll(bank: None, pay_to: Callable[[str], Payout], drain: Drain, broken: Books) -> None:
    payout = pay_to("sandbox:slow")
    drain()
    assert state_of(payout) == "processing"

    poll_payouts(at=timezone.now() + timezone.timedelta(hours=1))

    assert state_of(payout) == "paid"
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_declined__goes_back_into_the_wallet_when_somebody_says_so(  # noqa: PLR0917  fixtures
    bank: None, pay_to: Callable[[str], Payout], drain: Drain, make_user: MakeUser, funded: Wallet, broken: Books
) -> None:
    payout = pay_to("sandbox:declined")
    drain()
    assert (state_of(payout), payout.failure_code) == ("failed", "account_closed")

    return_payout(payout=payout, actor=make_user(), at=timezone.now(), reason="the account is closed")

    assert (state_of(payout), balance(funded.available)) == ("returned", 1000)
    assert broken() == {}
