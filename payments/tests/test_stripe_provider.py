"""Payments, refunds and their polling at Stripe: Stripe's own library over HTTP, against the stub."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from coupon_site.identifiers import uuid7
from events.models import OutboxMessage
from payments.errors import ProviderUnavailable
from payments.models import Payment, PaymentState, Refund, RefundState, WebhookReceipt
from payments.providers import adapter_of
from payments.services import (
    capture_payment,
    poll_payments,
    poll_refunds,
    refresh_payment,
    request_refund,
    retry_refund,
    start_payment,
    void_payment,
)
from payments.tests.conftest import Books, Tell, forget_adapters
from payments.tests.stripe_stub import StripeStub

pytestmark = pytest.mark.django_db(transaction=True)
Drain = Callable[[], int]
Pay = Callable[..., Payment]


@pytest.fixture
def pay(stripe: StripeStub, user: User) -> Pay:
    """A payment of 20.00 GBP, started at Stripe."""

    def start(method: str = "pm_card_visa", **terms: Any) -> Payment:
        asked = {"reference": uuid7(), "payer": user, "amount_minor": 2000, "currency": "GBP", **terms}
        return start_payment(method=method, **asked)

    return start


def due_now() -> None:
    """Whatever waits for its time is due."""
    OutboxMessage.objects.filter(state="pending").update(due_at=timezone.now())


def test_card_that_pays__is_captured_with_our_ids_on_it(pay: Pay, stripe: StripeStub) -> None:
    payment = pay()

    assert (payment.state, payment.captured_minor, payment.provider_ref) == ("captured", 2000, stripe.intent["id"])
    assert stripe.requests == [
        (
            "POST",
            "/v1/payment_intents",
            {
                "amount": "2000",
                "currency": "gbp",
                "capture_method": "automatic",
                "metadata": {"payment": str(payment.public_id), "reference": str(payment.reference)},
                "payment_method": "pm_card_visa",
                "confirm": "true",
                "automatic_payment_methods": {"enabled": "true", "allow_redirects": "never"},
            },
        )
    ]


def test_declined_card__fails_with_the_banks_reason(pay: Pay, tell: Tell, stripe: StripeStub) -> None:
    payment = pay("pm_card_chargeDeclined")
    tell()

    payment.refresh_from_db()
    assert (payment.state, payment.failure_code) == ("failed", "insufficient_funds")
    assert payment.provider_ref == stripe.intent["id"]
    assert stripe.intent["status"] == "canceled"  # the payer can't go on with it beside another payment
    assert WebhookReceipt.objects.get().outcome == "ignored"


def test_method_that_stripe_does_not_know__fails(pay: Pay) -> None:
    payment = pay("pm_of_nobody")

    assert (payment.state, payment.failure_code) == ("failed", "refused")


def test_bank_that_wants_to_see_the_payer__is_pending_until_the_webhook(
    pay: Pay, stripe: StripeStub, tell: Tell
) -> None:
    payment = pay("pm_card_authRequired")
    assert payment.state == "pending"

    report = refresh_payment(payment=payment, at=timezone.now())
    assert report is not None
    assert report.client_secret == stripe.intent["client_secret"]
    assert report.client_secret not in repr(report)

    stripe.authenticate(stripe.intent)
    tell()

    payment.refresh_from_db()
    assert (payment.state, payment.captured_minor) == ("captured", 2000)


def test_card_that_the_browser_gives__waits_unconfirmed(pay: Pay, stripe: StripeStub) -> None:
    payment = pay("card")

    asked = stripe.requests[0][2]
    assert payment.state == "pending"
    assert stripe.intent["status"] == "requires_payment_method"
    assert "confirm" not in asked
    assert "payment_method" not in asked


@pytest.mark.parametrize("seed", range(4))
def test_events_twice_and_in_any_order__are_one_capture(
    pay: Pay, stripe: StripeStub, tell: Tell, seed: int, broken: Books
) -> None:
    payment = pay("card_authorize")
    stripe.authenticate(stripe.intent)
    stripe.capture_intent(stripe.intent)

    statuses = tell(twice=True, shuffled=seed)

    payment.refresh_from_db()
    assert set(statuses) == {200}
    assert (payment.state, payment.captured_minor) == ("captured", 2000)
    assert sorted(WebhookReceipt.objects.values_list("copies", flat=True)) == [2, 2]
    assert OutboxMessage.objects.filter(handler="orders.handlers.confirm_order").count() == 1
    assert broken() == {}


def test_answer_lost_after_the_effect__is_found_by_the_same_key(pay: Pay, stripe: StripeStub, user: User) -> None:
    stripe.trouble.lost_answers = 1
    reference = uuid7()
    with pytest.raises(ProviderUnavailable):
        pay(reference=reference)
    assert Payment.objects.get().state == "created"

    payment = pay(reference=reference)

    assert payment.state == "captured"
    assert len(stripe.intents) == 1


def test_answer_lost_for_good__is_found_by_the_poll(pay: Pay, stripe: StripeStub) -> None:
    stripe.trouble.lost_answers = 1
    with pytest.raises(ProviderUnavailable):
        pay()

    assert poll_payments(at=timezone.now() + timedelta(minutes=5)) == 1

    assert Payment.objects.get().state == "captured"


@pytest.mark.parametrize("status", [429, 500, 503, 401])
def test_stripe_in_trouble__is_asked_again_later(pay: Pay, stripe: StripeStub, status: int) -> None:
    stripe.trouble.errors.append(status)
    with pytest.raises(ProviderUnavailable):
        pay()

    assert Payment.objects.get().state == "created"
    assert stripe.intents == {}


def test_slow_stripe__is_unavailable_and_not_waited_for(pay: Pay, stripe: StripeStub, settings: Settings) -> None:
    settings.PROVIDER_TIMEOUT_SECONDS = 0.1
    forget_adapters()
    stripe.trouble.slow_seconds = 0.5

    with pytest.raises(ProviderUnavailable, match="APIConnectionError"):
        pay()


def test_wrong_key__keeps_payments_waiting(pay: Pay, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = "sk_of_somebody_else"
    forget_adapters()

    with pytest.raises(ProviderUnavailable, match="AuthenticationError"):
        pay()


def test_many_threads__each_get_their_own_answer(stripe: StripeStub, user: User) -> None:
    payments = [Payment(payer=user, reference=uuid7(), method="pm_card_visa", amount_minor=1000 + n, currency="GBP")
                for n in range(8)]  # fmt: skip
    reports: dict[Any, int] = {}

    def charge(payment: Payment) -> None:
        reports[payment.public_id] = adapter_of("stripe").charge(payment).captured_minor

    threads = [Thread(target=charge, args=[payment]) for payment in payments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert reports == {payment.public_id: payment.amount_minor for payment in payments}


# --- authorisation and capture ---


def test_authorized_payment__is_captured_once_an_operator_says_so(
    pay: Pay, stripe: StripeStub, settings: Settings, drain: Drain, broken: Books
) -> None:
    settings.PAYMENT_CAPTURE = "manual"
    payment = pay()
    assert (payment.state, payment.captured_minor) == ("authorized", 0)

    for _ in range(2):
        capture_payment(payment=payment)
    drain()

    payment.refresh_from_db()
    assert (payment.state, payment.captured_minor) == ("captured", 2000)
    assert [path for _, path, _ in stripe.requests].count(f"/v1/payment_intents/{payment.provider_ref}/capture") == 1
    assert broken() == {}


def test_voided_authorization__is_cancelled_at_stripe(
    pay: Pay, stripe: StripeStub, settings: Settings, drain: Drain, broken: Books
) -> None:
    settings.PAYMENT_CAPTURE = "manual"
    payment = pay()

    void_payment(payment=payment)
    drain()

    payment.refresh_from_db()
    assert (payment.state, stripe.intent["status"]) == ("cancelled", "canceled")
    assert broken() == {}


def test_authorization_that_lapses__is_cancelled(pay: Pay, stripe: StripeStub, settings: Settings, tell: Tell) -> None:
    settings.PAYMENT_CAPTURE = "manual"
    payment = pay()

    stripe.lapse(stripe.intent)
    tell()

    payment.refresh_from_db()
    assert (payment.state, payment.failure_code) == ("cancelled", "automatic")


def test_capture_of_a_lapsed_authorization__finds_out(
    pay: Pay, stripe: StripeStub, settings: Settings, drain: Drain
) -> None:
    settings.PAYMENT_CAPTURE = "manual"
    payment = pay()
    stripe.lapse(stripe.intent)

    capture_payment(payment=payment)
    drain()

    payment.refresh_from_db()
    assert payment.state == "cancelled"


def test_capture_whose_answer_is_lost__is_captured_once(
    pay: Pay, stripe: StripeStub, settings: Settings, drain: Drain
) -> None:
    settings.PAYMENT_CAPTURE = "manual"
    payment = pay()
    stripe.trouble.lost_answers = 1

    capture_payment(payment=payment)
    drain()
    payment.refresh_from_db()
    assert payment.state == "authorized"
    due_now()
    drain()

    payment.refresh_from_db()
    assert payment.state == "captured"
    assert [event["type"] for event in stripe.events].count("payment_intent.succeeded") == 1


def test_payment_called_off_while_the_payer_is_at_the_bank__takes_no_money(
    pay: Pay, stripe: StripeStub, drain: Drain
) -> None:
    payment = pay("pm_card_authRequired")

    void_payment(payment=payment)
    drain()

    payment.refresh_from_db()
    assert (payment.state, stripe.intent["status"]) == ("cancelled", "canceled")


# --- refunds ---


def test_parts__go_back_one_by_one(pay: Pay, stripe: StripeStub, drain: Drain, tell: Tell, broken: Books) -> None:
    payment = pay()
    refunds = [
        request_refund(payment=payment, amount_minor=part, reason="asked", key=str(part)) for part in (700, 1300)
    ]
    drain()
    assert {refund["metadata"]["refund"] for refund in stripe.refunds.values()} == {str(r.public_id) for r in refunds}
    assert Refund.objects.filter(state="in_transit").count() == 2

    for refund in stripe.refunds.values():
        stripe.finish_refund(refund)
    tell(shuffled=3, twice=True)

    payment.refresh_from_db()
    assert (payment.state, payment.refunded_minor, payment.refunding_minor) == (PaymentState.REFUNDED, 2000, 0)
    assert broken() == {}


def test_failed_refund__is_sent_again_as_another_one(
    pay: Pay, stripe: StripeStub, drain: Drain, tell: Tell, broken: Books
) -> None:
    refund = request_refund(payment=pay(), amount_minor=700, reason="asked", key="one")
    drain()
    [first] = stripe.refunds.values()
    stripe.finish_refund(first, "failed")
    failures = list(stripe.events)
    tell()
    refund.refresh_from_db()
    assert (refund.state, refund.failure_code) == (RefundState.FAILED, "lost_or_stolen_card")

    retry_refund(refund=refund)
    drain()
    stripe.events = [{**event, "id": f"{event['id']}_again"} for event in failures]
    tell()

    refund.refresh_from_db()
    assert len(stripe.refunds) == 2
    assert refund.state == RefundState.IN_TRANSIT  # the first attempt's failure is old news
    second = list(stripe.refunds.values())[1]
    stripe.finish_refund(second)
    tell()
    refund.refresh_from_db()
    assert refund.state == RefundState.DONE
    assert broken() == {}


def test_refund_whose_answer_is_lost__is_made_once_even_when_the_key_is_forgotten(
    pay: Pay, stripe: StripeStub, drain: Drain
) -> None:
    payment = pay()
    stripe.trouble.lost_answers = 1
    request_refund(payment=payment, amount_minor=700, reason="asked", key="one")
    drain()
    stripe.answers.clear()  # a day later

    due_now()
    drain()

    assert len(stripe.refunds) == 1


def test_refund_of_which_nobody_told__is_asked_for(pay: Pay, stripe: StripeStub, drain: Drain, broken: Books) -> None:
    refund = request_refund(payment=pay(), amount_minor=700, reason="asked", key="one")
    drain()
    stripe.finish_refund(next(iter(stripe.refunds.values())))

    assert poll_refunds(at=timezone.now() + timedelta(minutes=5)) == 1

    refund.refresh_from_db()
    assert refund.state == RefundState.DONE
    assert broken() == {}


def test_refund_made_in_the_dashboard__is_written_down(pay: Pay, stripe: StripeStub, tell: Tell, broken: Books) -> None:
    payment = pay()
    by_hand = stripe.refund_by_hand(stripe.intent, 500)
    stripe.finish_refund(by_hand)

    tell(twice=True, shuffled=1)

    payment.refresh_from_db()
    refund = Refund.objects.get()
    assert (refund.amount_minor, refund.state, refund.reason) == (500, RefundState.DONE, "made at the provider")
    assert (payment.state, payment.refunded_minor) == (PaymentState.PARTLY_REFUNDED, 500)
    assert broken() == {}
