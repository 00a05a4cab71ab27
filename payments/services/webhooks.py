"""Webhooks in: checked, stored, acknowledged; applied by a worker."""

from datetime import datetime

import orjson
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from events import enqueue, task
from events.models import OutboxMessage
from payments.errors import WebhookRefused
from payments.metrics import WEBHOOKS, count_webhook_failure
from payments.models import Payment, ReceiptOutcome, Refund, WebhookReceipt
from payments.providers import adapter_of, report_of_webhook
from payments.services.reports import apply_report


def receive_webhook(*, provider: str, body: bytes, signature: str, at: float) -> WebhookReceipt:
    """Store a provider's event, once however often it comes; `at` is now in Unix seconds. Raises WebhookRefused."""
    try:
        adapter_of(provider).verify(body=body, signature=signature, at=at)
        event_id, event_type = envelope(body)
    except WebhookRefused as refusal:
        count_webhook_failure(provider, refusal.reason)
        raise
    return keep_receipt(provider=provider, event_id=event_id, event_type=event_type, body=body.decode())


def envelope(body: bytes) -> tuple[str, str]:
    """Id and type of an event, the same for every provider."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise WebhookRefused("malformed_body", "The body is not JSON.") from error
    match event:
        case {"id": str(event_id), "type": str(event_type)} if is_name(event_id, 120) and is_name(event_type, 60):
            return event_id, event_type
    raise WebhookRefused("malformed_body", "The body has no id and type of an event.")


def is_name(text: str, length: int) -> bool:
    return 1 <= len(text) <= length and text.isascii() and text.isprintable()


@transaction.atomic
def keep_receipt(*, provider: str, event_id: str, event_type: str, body: str) -> WebhookReceipt:
    """The receipt of an event, with the work that it asks for when it is new."""
    receipt, is_new = WebhookReceipt.objects.get_or_create(
        provider=provider, event_id=event_id, defaults={"event_type": event_type, "body": body, "verified": True}
    )
    if is_new:
        enqueue(apply_receipt, {"receipt": receipt.pk})
    else:
        WebhookReceipt.objects.filter(pk=receipt.pk).update(copies=F("copies") + 1)
    transaction.on_commit(WEBHOOKS.labels(provider).inc)
    return receipt


@transaction.atomic
def forget_receipts(*, before: datetime, limit: int = 5_000) -> int:
    """Remove old receipts that are done with; answers how many. One that waits is never forgotten."""
    old = WebhookReceipt.objects.filter(received_at__lt=before).exclude(outcome=ReceiptOutcome.WAITING)
    return WebhookReceipt.objects.filter(pk__in=old.values("pk")[:limit]).delete()[0]


@task()
def apply_receipt(message: OutboxMessage) -> None:
    """Do what a stored webhook asks for, and write down what came of it."""
    receipt = WebhookReceipt.objects.get(pk=message.payload["receipt"])
    receipt.outcome = outcome_of(receipt)
    receipt.applied_at = timezone.now()
    receipt.save(update_fields=["outcome", "applied_at"])


def outcome_of(receipt: WebhookReceipt) -> ReceiptOutcome:
    report = report_of_webhook(receipt)
    if report is None:
        return ReceiptOutcome.FOREIGN
    try:
        applied = apply_report(event=report)
    except (Payment.DoesNotExist, Refund.DoesNotExist):
        return ReceiptOutcome.FOREIGN
    return ReceiptOutcome.APPLIED if applied.is_news else ReceiptOutcome.IGNORED
