from collections.abc import Callable
from uuid import UUID

import pytest
from django.db import IntegrityError
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from coupon_site.identifiers import uuid7
from events.models import OutboxMessage
from payments.errors import PaymentInProgress, ProviderUnavailable
from payments.models import Payment, PaymentState, SandboxCharge
from payments.services import open_payment, queue_payment, start_payment
from payments.tests.factories import captured, new_payment
from payments.tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
Drain = Callable[[], int]


@pytest.fixture
def reference() -> UUID:
    return uuid7()


@pytest.fixture
def terms(user: User, reference: UUID) -> dict[str, object]:
    return {"reference": reference, "payer": user, "amount_minor": 2000, "currency": "GBP", "method": "card"}


def test_new_payment__is_known_to_the_bank_and_pending(bank: None, terms: dict[str, object]) -> None:
    payment = start_payment(**terms)

    charge = SandboxCharge.objects.get()
    assert (payment.state, payment.provider, payment.provider_ref) == ("pending", "sandbox", charge.reference)
    assert (charge.key, charge.amount_minor, charge.currency, charge.method) == (payment.public_id, 2000, "GBP", "card")


def test_called_again__is_the_same_payment(bank: None, terms: dict[str, object]) -> None:
    first, second = (start_payment(**terms) for _ in range(2))

    assert first == second
    assert SandboxCharge.objects.count() == 1


def test_method_the_bank_does_not_know__fails(bank: None, terms: dict[str, object]) -> None:
    payment = start_payment(**{**terms, "method": "gold"})

    assert (payment.state, payment.failure_code) == (PaymentState.FAILED, "refused")
    assert not SandboxCharge.objects.exists()


def test_bank_away__leaves_a_payment_to_charge_later(
    terms: dict[str, object], live_server: LiveServer, settings: Settings
) -> None:
    with pytest.raises(ProviderUnavailable):
        start_payment(**terms)
    assert Payment.objects.get().state == PaymentState.CREATED

    settings.SANDBOX_URL = live_server.url
    start_payment(**terms)

    assert Payment.objects.get().state == PaymentState.PENDING


@pytest.mark.parametrize("state", ["created", "pending", "authorized", "captured", "partly_refunded", "disputed"])
def test_live_payment__is_the_only_one_of_its_reference(
    user: User, reference: UUID, terms: dict[str, object], state: str
) -> None:
    live = new_payment(user, reference=reference, state=state)

    assert open_payment(**terms) == (live, False)
    with pytest.raises(PaymentInProgress):
        queue_payment(**terms)


@pytest.mark.parametrize("state", ["failed", "cancelled", "refunded", "charged_back"])
def test_payment_that_is_over__makes_room_for_the_next(
    user: User, reference: UUID, terms: dict[str, object], state: str
) -> None:
    old = new_payment(user, reference=reference, state=state)

    payment, is_new = open_payment(**terms)

    assert is_new
    assert payment != old


def test_two_workers_at_once__one_payment(terms: dict[str, object]) -> None:
    answers = at_once([lambda: open_payment(**terms)] * 4)

    assert sorted(is_new for _, is_new in answers) == [False, False, False, True]
    assert len({payment.pk for payment, _ in answers}) == 1


def test_queued_payment__is_charged_by_a_worker(bank: None, terms: dict[str, object], drain: Drain) -> None:
    payment = queue_payment(**terms)
    assert not SandboxCharge.objects.exists()

    drain()

    payment.refresh_from_db()
    assert payment.state == PaymentState.CAPTURED


def test_queued_payment_and_bank_away__waits_without_losing_an_attempt(
    terms: dict[str, object], drain: Drain, live_server: LiveServer, settings: Settings
) -> None:
    payment = queue_payment(**terms)
    drain()
    message = OutboxMessage.objects.get()
    assert (message.state, message.attempts) == ("pending", 0)

    settings.SANDBOX_URL = live_server.url
    OutboxMessage.objects.update(due_at=timezone.now())
    drain()

    payment.refresh_from_db()
    assert payment.state == PaymentState.CAPTURED


def test_counter__tells_started_payments(terms: dict[str, object]) -> None:
    before = REGISTRY.get_sample_value("payment_total", {"provider": "sandbox"}) or 0

    open_payment(**terms)
    open_payment(**terms)

    assert REGISTRY.get_sample_value("payment_total", {"provider": "sandbox"}) == before + 1


def test_same_charge_of_a_provider_twice__is_refused_by_the_database(user: User) -> None:
    first = captured(user)

    with pytest.raises(IntegrityError, match="payments_payment_provider_ref"):
        new_payment(user, provider_ref=first.provider_ref)
