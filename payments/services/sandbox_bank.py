"""The sandbox bank: what stands behind its endpoints. It knows the site only by HTTP, as a real one would."""

import time
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import httpx
import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from coupon_site.transitions import move
from coupon_site.upstream import CountedTransport
from events import enqueue, task
from events.errors import Defer
from events.models import OutboxMessage
from payments.errors import ProviderRefused, RefundTooLarge
from payments.models import CaptureMode, ChargeState, ClaimState, SandboxCharge, SandboxRefund
from payments.providers.sandbox import SIGNATURE_HEADER
from payments.signatures import sign

RETRY_SECONDS = 5
CLAIMS = {"card_dispute_won": ClaimState.WON, "card_dispute_lost": ClaimState.LOST}


@transaction.atomic
def open_charge(
    *, key: UUID, amount_minor: int, currency: str, method: str, capture: str = CaptureMode.AUTOMATIC
) -> SandboxCharge:
    """A new charge, settled by a worker a little later; the same key is the same charge."""
    charge, is_new = SandboxCharge.objects.get_or_create(
        key=key, defaults={"amount_minor": amount_minor, "currency": currency, "method": method, "capture": capture}
    )
    if is_new:
        slowness = timedelta(seconds=settings.SANDBOX_SLOW_SECONDS if method == "card_slow" else 0)
        enqueue(settle_charge, {"charge": charge.public_id}, due_at=timezone.now() + slowness)
    return charge


@transaction.atomic
def capture_charge(*, charge: SandboxCharge) -> SandboxCharge:
    """The money of an authorised charge; captured again, it is the same. Raises ProviderRefused."""
    return end_authorization(charge, ChargeState.CAPTURED)


@transaction.atomic
def void_charge(*, charge: SandboxCharge) -> SandboxCharge:
    """An authorised charge is let go; let go again, it is the same. Raises ProviderRefused."""
    return end_authorization(charge, ChargeState.VOIDED)


def end_authorization(charge: SandboxCharge, state: ChargeState) -> SandboxCharge:
    """Captured or let go, whichever is asked for first."""
    charge = SandboxCharge.objects.select_for_update(no_key=True).get(pk=charge.pk)
    if charge.state == state:
        return charge
    if charge.state != ChargeState.AUTHORIZED:
        raise ProviderRefused(f"The charge is {charge.state}")
    move(charge, state)
    enqueue(report_charge, {"charge": charge.public_id})
    return charge


@transaction.atomic
def open_refund(*, key: UUID, charge: SandboxCharge, amount_minor: int) -> SandboxRefund:
    """Money back from a captured charge; the same key is the same refund. Raises ProviderRefused, RefundTooLarge."""
    charge = SandboxCharge.objects.select_for_update(no_key=True).get(pk=charge.pk)
    if known := SandboxRefund.objects.filter(key=key).first():
        return known
    if charge.state != ChargeState.CAPTURED:
        raise ProviderRefused(f"The charge is {charge.state}")
    if charge.refunded_minor + amount_minor > charge.amount_minor:
        raise RefundTooLarge
    SandboxCharge.objects.filter(pk=charge.pk).update(refunded_minor=F("refunded_minor") + amount_minor)
    refund = SandboxRefund.objects.create(charge=charge, key=key, amount_minor=amount_minor)
    enqueue(report_refund, {"refund": refund.public_id})
    return refund


@task(transactional=False)
def settle_charge(message: OutboxMessage) -> None:
    """Decide a charge as its method says, and tell the site."""
    charge = SandboxCharge.objects.get(public_id=message.payload["charge"])
    if charge.state == ChargeState.PENDING:
        move(charge, verdict(charge))
        if charge.method in CLAIMS:
            with transaction.atomic():
                enqueue(file_claim, {"charge": charge.public_id})
    data = charge.as_json()
    tell_site(kind=f"charge.{charge.state}", data=data)
    if charge.method == "card_duplicate":
        tell_site(kind="charge.pending", data={**data, "state": "pending", "captured_minor": 0})
        tell_site(kind=f"charge.{charge.state}", data=data)


def verdict(charge: SandboxCharge) -> ChargeState:
    """What becomes of a charge."""
    if charge.method == "card_declined":
        return ChargeState.DECLINED
    return ChargeState.AUTHORIZED if charge.capture == CaptureMode.MANUAL else ChargeState.CAPTURED


@task(transactional=False)
def report_charge(message: OutboxMessage) -> None:
    """Tell the site what a charge is now."""
    charge = SandboxCharge.objects.get(public_id=message.payload["charge"])
    tell_site(kind=f"charge.{charge.state}", data=charge.as_json())


@task(transactional=False)
def file_claim(message: OutboxMessage) -> None:
    """The payer says that the charge was not right; some time later the bank decides, as the method says."""
    charge = SandboxCharge.objects.get(public_id=message.payload["charge"])
    if not charge.claim:
        decide_at = timezone.now() + timedelta(seconds=settings.SANDBOX_SLOW_SECONDS)
        with transaction.atomic():
            set_claim(charge, ClaimState.OPEN)
            enqueue(decide_claim, {"charge": charge.public_id}, due_at=decide_at)
    tell_site(kind="dispute.open", data={**charge.claim_as_json(), "state": ClaimState.OPEN.value})


@task(transactional=False)
def decide_claim(message: OutboxMessage) -> None:
    """For the shop, or for the payer."""
    charge = SandboxCharge.objects.get(public_id=message.payload["charge"])
    set_claim(charge, CLAIMS[charge.method])
    tell_site(kind=f"dispute.{charge.claim}", data=charge.claim_as_json())


def set_claim(charge: SandboxCharge, claim: ClaimState) -> None:
    charge.claim = claim
    charge.save(update_fields=["claim"])


@task(transactional=False)
def report_refund(message: OutboxMessage) -> None:
    """Tell the site that a refund is done."""
    refund = SandboxRefund.objects.get(public_id=message.payload["refund"])
    tell_site(kind="refund.done", data=refund.as_json(state="done"))


def tell_site(*, kind: str, data: Mapping[str, Any]) -> None:
    """Post one signed webhook. The event's id follows from what it tells: telling it again is the same event."""
    body = orjson.dumps({"id": f"evt_{data['id']}_{kind}", "type": kind, "created": int(time.time()), "data": data})
    signature = sign(body, secret=settings.SANDBOX_WEBHOOK_SECRETS[0], at=int(time.time()))
    headers = {SIGNATURE_HEADER: signature, "Content-Type": "application/json"}
    try:
        http().post(f"{settings.SANDBOX_URL}/hooks/payments/sandbox", content=body, headers=headers).raise_for_status()
    except httpx.TransportError as error:
        raise Defer(RETRY_SECONDS, f"the site does not answer: {type(error).__name__}") from error


@cache
def http() -> httpx.Client:
    """The bank's way out."""
    return httpx.Client(timeout=settings.PROVIDER_TIMEOUT_SECONDS, transport=CountedTransport("bank_webhooks"))
