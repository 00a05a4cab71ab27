"""Payments that wait for the site to decide: their money is taken, or they are let go."""

from uuid import UUID

from django.db import transaction

from accounts.models import User
from coupon_site.transitions import record_change
from events import enqueue
from payments.errors import NotAuthorized, NotVoidable
from payments.models import Decision, Payment, PaymentState
from payments.providers import adapter_of
from payments.services.charge_outcomes import GIVEN_UP
from payments.services.decisions import carry_out


@transaction.atomic
def capture_payment(*, payment: Payment, actor: User | None = None, reason: str = "") -> Payment:
    """Take the money of an authorised payment; a worker tells the provider. Raises NotAuthorized.

    The first decision is the last one: what is to be captured is not let go any more, and the other way round.
    """
    payment = Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)
    if payment.decision == Decision.CAPTURE and payment.state == PaymentState.AUTHORIZED:
        return payment
    if payment.state != PaymentState.AUTHORIZED or payment.decision:
        raise NotAuthorized(state=str(payment.state), decision=payment.decision)
    decide(payment, Decision.CAPTURE, actor=actor, reason=reason or "to be captured")
    return payment


@transaction.atomic
def void_payment(*, payment: Payment, actor: User | None = None, reason: str = "") -> Payment:
    """Let a payment go that took no money yet; what the bank is doing just now may still come. Raises NotVoidable."""
    payment = Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)
    if payment.decision == Decision.VOID:
        return payment
    if not payment.is_open or payment.decision:
        raise NotVoidable(state=str(payment.state), decision=payment.decision)
    decide(payment, Decision.VOID, actor=actor, reason=reason or "to be let go")
    return payment


@transaction.atomic
def release_payment(*, reference: UUID, reason: str) -> bool:
    """Let go what would pay for something that nobody wants any more; whether there was such a payment."""
    payment = Payment.objects.select_for_update(no_key=True).live_for(reference).first()
    if payment is None or not payment.is_open or payment.decision:
        return False
    decide(payment, Decision.VOID, actor=None, reason=reason)
    return True


@transaction.atomic
def let_go_unwanted(*, payment: Payment) -> bool:
    """Let an authorisation go that came after the payment was called off or had failed; whether it was such a one."""
    unwanted = payment.decision == Decision.VOID or payment.state in GIVEN_UP
    if unwanted:
        enqueue(carry_out, {"payment": payment.public_id, "decision": Decision.VOID.value})
    return unwanted


@transaction.atomic
def close_failed(*, payment: Payment) -> bool:
    """Call a failed charge off where the payer could go on trying with it; whether that is so."""
    is_open = bool(payment.provider_ref) and adapter_of(payment.provider).reopens_failed
    if is_open and payment.state == PaymentState.FAILED:
        enqueue(carry_out, {"payment": payment.public_id, "decision": Decision.VOID.value})
    return is_open


def decide(payment: Payment, decision: Decision, *, actor: User | None, reason: str) -> None:
    """Write the decision down, with who and why; the state follows when the provider has done it."""
    payment.decision = decision
    payment.save(update_fields=["decision"])
    record_change(payment, before=payment.state, to=payment.state, actor=actor, reason=reason)
    enqueue(carry_out, {"payment": payment.public_id, "decision": decision.value})
