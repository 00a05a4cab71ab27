"""Payers who go to their bank, as Stripe tells of it."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxMessage
from payments.errors import PaymentContested, ReportMismatch
from payments.models import Dispute, DisputeState, Payment, PaymentState, ProviderName, WebhookReceipt
from payments.providers import DisputeReport
from payments.queries import open_disputes
from payments.services import (
    apply_payment_event,
    apply_report,
    charge_payment,
    find_disputes,
    poll_disputes,
    request_refund,
)
from payments.tests.conftest import Books, Tell
from payments.tests.factories import captured, charge_report, new_payment, refund_report
from payments.tests.stripe_stub import StripeStub

pytestmark = pytest.mark.django_db
Drain = Callable[[], int]
CHARGED_BACK = "orders.handlers.charge_back_order"


def report(payment: Payment, state: DisputeState, **fields: object) -> DisputeReport:
    known: dict[str, object] = {
        "provider": ProviderName.SANDBOX,
        "provider_ref": f"sbx_dp_{payment.pk}",
        "charge_ref": payment.provider_ref,
        "amount_minor": 2000,
        "currency": "GBP",
        "reason": "fraudulent",
    }
    return DisputeReport(state=state, **{**known, **fields})


def state_of(payment: Payment) -> str:
    payment.refresh_from_db()
    return str(payment.state)


def history_of(payment: Payment) -> list[str]:
    changes = StateChange.objects.filter(object_id=payment.public_id).order_by("id")
    return list(changes.values_list("to_state", flat=True))


def test_opened__holds_the_payment_back_with_the_payers_reason(captured_payment: Payment, broken: Books) -> None:
    apply_payment_event(event=report(captured_payment, DisputeState.OPEN))

    dispute = Dispute.objects.get()
    assert state_of(captured_payment) == PaymentState.DISPUTED
    assert (dispute.state, dispute.amount_minor, dispute.reason) == ("open", 2000, "fraudulent")
    assert StateChange.objects.get(object_id=captured_payment.public_id).reason == "fraudulent"
    assert open_disputes() == 1
    assert broken() == {}


def test_won__is_captured_again(captured_payment: Payment, broken: Books) -> None:
    for state in (DisputeState.OPEN, DisputeState.WON):
        apply_payment_event(event=report(captured_payment, state))

    assert state_of(captured_payment) == PaymentState.CAPTURED
    assert history_of(captured_payment) == ["disputed", "captured"]
    assert Dispute.objects.get().closed_at is not None
    assert not OutboxMessage.objects.filter(handler=CHARGED_BACK).exists()
    assert broken() == {}


def test_lost__is_charged_back_and_announced_once(captured_payment: Payment, broken: Books) -> None:
    lost = report(captured_payment, DisputeState.LOST)
    apply_payment_event(event=report(captured_payment, DisputeState.OPEN))

    answers = [apply_report(event=lost).is_news for _ in range(2)]

    assert answers == [True, False]
    assert state_of(captured_payment) == PaymentState.CHARGED_BACK
    assert OutboxMessage.objects.filter(handler=CHARGED_BACK).count() == 1
    assert not Payment.objects.with_money_left().exists()
    assert broken() == {}


@pytest.mark.parametrize(
    "order", list(permutations((DisputeState.INQUIRY, DisputeState.OPEN, DisputeState.LOST))), ids="-".join
)
def test_news_in_any_order__end_charged_back(
    captured_payment: Payment, order: list[DisputeState], broken: Books
) -> None:
    for state in order:
        apply_payment_event(event=report(captured_payment, state))

    assert state_of(captured_payment) == PaymentState.CHARGED_BACK
    assert history_of(captured_payment) == ["disputed", "charged_back"]
    assert broken() == {}


def test_inquiry__leaves_the_money_where_it_is_and_may_be_settled_by_a_refund(
    captured_payment: Payment, broken: Books
) -> None:
    apply_payment_event(event=report(captured_payment, DisputeState.INQUIRY))

    request_refund(payment=captured_payment, amount_minor=2000, reason="settled", key="one")

    assert state_of(captured_payment) == PaymentState.CAPTURED
    assert broken() == {}


@pytest.mark.parametrize("state", [DisputeState.OPEN, DisputeState.LOST])
def test_contested_payment__gives_nothing_back_beside_the_bank(
    captured_payment: Payment, state: DisputeState, broken: Books
) -> None:
    apply_payment_event(event=report(captured_payment, state))

    with pytest.raises(PaymentContested):
        request_refund(payment=captured_payment, amount_minor=1, reason="asked", key="one")

    captured_payment.refresh_from_db()
    assert (captured_payment.refunding_minor, captured_payment.refundable_minor) == (0, 0)
    assert broken() == {}


def test_dispute_that_overtakes_the_capture__waits_for_it(payment: Payment, broken: Books) -> None:
    Payment.objects.update(provider_ref="sbx_ch_early")
    payment.refresh_from_db()
    apply_payment_event(event=report(payment, DisputeState.OPEN))
    assert state_of(payment) == PaymentState.CREATED

    apply_payment_event(event=charge_report(payment))

    assert state_of(payment) == PaymentState.DISPUTED
    assert broken() == {}


@pytest.mark.parametrize(
    ("amount", "state"), [(500, PaymentState.PARTLY_REFUNDED), (2000, PaymentState.REFUNDED)], ids=["part", "whole"]
)
def test_refund_that_was_under_way__counts_when_the_dispute_is_won(
    captured_payment: Payment, amount: int, state: PaymentState, broken: Books
) -> None:
    refund = request_refund(payment=captured_payment, amount_minor=amount, reason="asked", key="one")
    refund.state = "in_transit"
    refund.save(update_fields=["state"])
    apply_payment_event(event=report(captured_payment, DisputeState.OPEN))
    apply_payment_event(event=refund_report(refund))
    assert state_of(captured_payment) == PaymentState.DISPUTED

    apply_payment_event(event=report(captured_payment, DisputeState.WON))

    assert state_of(captured_payment) == state
    assert broken() == {}


def test_second_dispute__keeps_the_payment_disputed(captured_payment: Payment, broken: Books) -> None:
    for ref in ("first", "second"):
        apply_payment_event(event=report(captured_payment, DisputeState.OPEN, provider_ref=ref))

    apply_payment_event(event=report(captured_payment, DisputeState.WON, provider_ref="first"))
    assert state_of(captured_payment) == PaymentState.DISPUTED

    apply_payment_event(event=report(captured_payment, DisputeState.WON, provider_ref="second"))
    assert state_of(captured_payment) == PaymentState.CAPTURED
    assert broken() == {}


@pytest.mark.parametrize("fields", [{"currency": "EUR"}, {"amount_minor": 0}], ids=["another currency", "of nothing"])
def test_report_that_can_not_be_true__is_refused(captured_payment: Payment, fields: dict[str, object]) -> None:
    with pytest.raises(ReportMismatch):
        apply_payment_event(event=report(captured_payment, DisputeState.OPEN, **fields))

    assert not Dispute.objects.exists()


def test_charge_that_is_not_ours__is_unknown(user: User) -> None:
    new_payment(user)

    with pytest.raises(Payment.DoesNotExist):
        apply_payment_event(event=report(captured(user), DisputeState.OPEN, charge_ref=""))


# --- as Stripe tells of it ---


@pytest.fixture
def paid(stripe: StripeStub, user: User) -> Payment:
    payment = new_payment(user, method="pm_card_visa", provider="stripe")
    return charge_payment(payment=payment)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("verdict", "state"), [("won", PaymentState.CAPTURED), ("lost", PaymentState.CHARGED_BACK)], ids=["won", "lost"]
)
def test_webhooks_twice_and_shuffled__end_as_the_bank_decided(
    paid: Payment, stripe: StripeStub, tell: Tell, verdict: str, state: PaymentState
) -> None:
    stripe.decide(stripe.dispute(stripe.intent), verdict)

    tell(twice=True, shuffled=1)

    assert state_of(paid) == state
    dispute = Dispute.objects.get()
    assert (dispute.state, dispute.provider_ref) == (verdict, next(iter(stripe.disputes)))
    assert dispute.respond_by is not None
    assert WebhookReceipt.objects.filter(outcome="waiting").count() == 0


@pytest.mark.django_db(transaction=True)
def test_dispute_of_which_nobody_told__is_found_and_followed(
    paid: Payment, stripe: StripeStub, drain: Drain, broken: Books
) -> None:
    now = timezone.now()
    assert find_disputes(at=now) == 0
    dispute = stripe.dispute(stripe.intent)

    assert [find_disputes(at=now) for _ in range(2)] == [1, 0]
    assert state_of(paid) == PaymentState.DISPUTED

    stripe.decide(dispute, "lost")
    assert poll_disputes(at=now + timedelta(minutes=5)) == 1
    assert state_of(paid) == PaymentState.CHARGED_BACK
    assert poll_disputes(at=now + timedelta(days=5)) == 0
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_inquiry_that_is_closed__leaves_no_trace_on_the_payment(paid: Payment, stripe: StripeStub, tell: Tell) -> None:
    stripe.decide(stripe.dispute(stripe.intent, status="warning_needs_response"), "warning_closed")

    tell()

    assert history_of(paid) == ["captured"]
    assert Dispute.objects.get().state == DisputeState.WON


@pytest.mark.django_db(transaction=True)
def test_counter__tells_opened_and_lost(captured_payment: Payment) -> None:
    def figures() -> list[float]:
        labels = [{"provider": "sandbox", "status": status} for status in ("opened", "won", "lost")]
        return [REGISTRY.get_sample_value("payment_disputes_total", each) or 0 for each in labels]

    before = figures()

    for state in (DisputeState.OPEN, DisputeState.LOST):
        apply_payment_event(event=report(captured_payment, state))

    assert [after - then for after, then in zip(figures(), before, strict=True)] == [1, 0, 1]
