"""Giving money back: asked for here, carried out by a worker, done when the provider says so."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from coupon_site.errors import IllegalTransition
from coupon_site.transitions import move
from events import enqueue
from payments.errors import PaymentContested, RefundKeyReused, RefundTooLarge
from payments.models import CONTESTED_STATES, Payment, Refund, RefundState
from payments.services.refund_delivery import send_refund


@transaction.atomic
def request_refund(*, payment: Payment, amount_minor: int, reason: str, key: str, actor: User | None = None) -> Refund:
    """Ask for a part of a captured payment back; the same `key` is the same refund.

    Raises RefundTooLarge when less is left, RefundKeyReused when the key stands for another refund, PaymentContested
    while the payer's bank asks for the money itself.
    """
    if amount_minor < 1:
        raise ValueError("a refund gives something back")
    lock(payment)
    if known := Refund.objects.filter(key=key).first():
        return same_refund(known, payment=payment, amount_minor=amount_minor)
    set_aside(payment, amount_minor)
    refund = Refund.objects.create(
        payment=payment,
        amount_minor=amount_minor,
        reason=reason[:200],
        key=key,
        requested_by=actor,
        poll_at=timezone.now() + timedelta(seconds=settings.PAYMENT_POLL_SECONDS),
    )
    enqueue(send_refund, {"refund": refund.public_id})
    return refund


def lock(payment: Payment) -> None:
    """One refund of a payment at a time."""
    Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)


def same_refund(known: Refund, *, payment: Payment, amount_minor: int) -> Refund:
    """What the key stood for before, if it is what is asked for now."""
    if (known.payment_id, known.amount_minor) != (payment.pk, amount_minor):
        raise RefundKeyReused(refund=known.public_id)
    return known


def set_aside(payment: Payment, amount_minor: int) -> None:
    """Count the amount as going back, unless that is more than what is left."""
    left = F("captured_minor") - F("refunded_minor") - F("refunding_minor")
    taken = (
        Payment.objects.filter(pk=payment.pk)
        .alias(left_minor=left)
        .filter(left_minor__gte=amount_minor)
        .update(refunding_minor=F("refunding_minor") + amount_minor)
    )
    payment.refresh_from_db()
    if payment.state in CONTESTED_STATES:
        raise PaymentContested(state=str(payment.state))
    if not taken:
        raise RefundTooLarge(f"{payment.refundable_minor} is left", left_minor=payment.refundable_minor)


@transaction.atomic
def retry_refund(*, refund: Refund, actor: User | None = None) -> Refund:
    """Send a failed refund again. Raises IllegalTransition for any other."""
    lock(refund.payment)
    refund.refresh_from_db(fields=["state", "attempt"])
    if refund.state != RefundState.FAILED:
        raise IllegalTransition(f"the refund is {refund.state}, only a failed one is sent again", state=refund.state)
    move(
        refund,
        RefundState.IN_TRANSIT,
        actor=actor,
        reason="sent again",
        failure_code="",
        provider_ref="",
        attempt=refund.attempt + 1,
    )
    enqueue(send_refund, {"refund": refund.public_id})
    return refund


@transaction.atomic
def cancel_refund(*, refund: Refund, actor: User | None = None, reason: str = "") -> Refund:
    """Give up a failed refund; its amount may be asked back again. Raises IllegalTransition for any other."""
    lock(refund.payment)
    move(refund, RefundState.CANCELLED, actor=actor, reason=reason)
    Payment.objects.filter(pk=refund.payment_id).update(refunding_minor=F("refunding_minor") - refund.amount_minor)
    return refund
