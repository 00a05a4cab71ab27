"""Stripe's objects in our words: the same for answers and for events, whose object is the thing as it was then."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from payments.models import DisputeState, PaymentState, ProviderName, RefundState
from payments.providers.interface import ChargeReport, DisputeReport, ProviderEvent, RefundReport
from payments.providers.stripe_amounts import from_stripe

Object = Mapping[str, Any]

INTENT_STATES: Mapping[str, PaymentState] = {
    "requires_payment_method": PaymentState.PENDING,  # failed, when there was an attempt
    "requires_confirmation": PaymentState.PENDING,
    "requires_action": PaymentState.PENDING,
    "processing": PaymentState.PENDING,
    "requires_capture": PaymentState.AUTHORIZED,
    "succeeded": PaymentState.CAPTURED,
    "canceled": PaymentState.CANCELLED,
}
REFUND_STATES: Mapping[str, RefundState] = {
    "pending": RefundState.IN_TRANSIT,
    "requires_action": RefundState.IN_TRANSIT,
    "succeeded": RefundState.DONE,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
DISPUTE_STATES: Mapping[str, DisputeState] = {
    "warning_needs_response": DisputeState.INQUIRY,
    "warning_under_review": DisputeState.INQUIRY,
    "warning_closed": DisputeState.WON,
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "appeal_needs_response": DisputeState.OPEN,
    "appeal_under_review": DisputeState.OPEN,
    "prevented": DisputeState.WON,  # settled before it began; what went back is a refund
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}


def report_of_event(event: Object) -> ProviderEvent | None:
    """What an event reports; None when it is about nothing of ours."""
    thing = (event.get("data") or {}).get("object") or {}
    match thing.get("object"):
        case "payment_intent":
            return charge_report(thing)
        case "refund":
            return refund_report(thing)
        case "dispute":
            return dispute_report(thing)
        case "charge":
            return report_of_charge(thing)
    return None


def charge_report(intent: Object) -> ChargeReport | None:
    """A PaymentIntent; None when it carries no payment of ours."""
    payment = our_id(intent, "payment")
    if payment is None or intent["status"] not in INTENT_STATES:
        return None
    state, error = INTENT_STATES[intent["status"]], intent.get("last_payment_error")
    if intent["status"] == "requires_payment_method" and error:
        state = PaymentState.FAILED
    currency = intent["currency"].upper()
    return ChargeReport(
        provider=ProviderName.STRIPE,
        payment=payment,
        provider_ref=intent["id"],
        state=state,
        currency=currency,
        captured_minor=from_stripe(intent.get("amount_received") or 0, currency),
        failure_code=failure_code(intent, state),
        client_secret=intent.get("client_secret") or "",
    )


def failure_code(intent: Object, state: PaymentState) -> str:
    """Why nothing came of an intent."""
    if state == PaymentState.FAILED:
        error = intent["last_payment_error"]
        return str(error.get("decline_code") or error.get("code") or "failed")[:60]
    return str(intent.get("cancellation_reason") or "")[:60] if state == PaymentState.CANCELLED else ""


def report_of_charge(charge: Object) -> ChargeReport | None:
    """`charge.refunded`: of the refunds their own events tell; that there was a capture may still be news."""
    payment, intent = our_id(charge, "payment"), charge.get("payment_intent")
    if payment is None or not intent or not charge.get("captured") or not charge.get("amount_captured"):
        return None
    currency = charge["currency"].upper()
    return ChargeReport(
        provider=ProviderName.STRIPE,
        payment=payment,
        provider_ref=intent,
        state=PaymentState.CAPTURED,
        currency=currency,
        captured_minor=from_stripe(charge["amount_captured"], currency),
    )


def refund_report(refund: Object) -> RefundReport:
    """A Refund, ours or one that somebody made in Stripe's dashboard."""
    ours, currency = our_id(refund, "refund"), refund["currency"].upper()
    attempt = str((refund.get("metadata") or {}).get("attempt", ""))
    return RefundReport(
        provider=ProviderName.STRIPE,
        refund=ours,
        provider_ref=refund["id"],
        state=REFUND_STATES[refund["status"]],
        failure_code=(refund.get("failure_reason") or ("canceled" if refund["status"] == "canceled" else ""))[:60],
        attempt=int(attempt) if attempt.isdecimal() else None,
        charge_ref=refund.get("payment_intent") or "",
        amount_minor=from_stripe(refund["amount"], currency),
        currency=currency,
    )


def dispute_report(dispute: Object) -> DisputeReport | None:
    """A Dispute; None when its status is one that we don't know."""
    if dispute["status"] not in DISPUTE_STATES:
        return None
    currency = dispute["currency"].upper()
    due_by = (dispute.get("evidence_details") or {}).get("due_by")
    return DisputeReport(
        provider=ProviderName.STRIPE,
        provider_ref=dispute["id"],
        charge_ref=dispute.get("payment_intent") or "",
        state=DISPUTE_STATES[dispute["status"]],
        amount_minor=from_stripe(dispute["amount"], currency),
        currency=currency,
        reason=(dispute.get("reason") or "")[:60],
        respond_by=datetime.fromtimestamp(due_by, UTC) if due_by else None,
    )


def our_id(thing: Object, name: str) -> UUID | None:
    """The id that we wrote into the metadata."""
    try:
        return UUID((thing.get("metadata") or {})[name])
    except (KeyError, ValueError, AttributeError, TypeError):
        return None
