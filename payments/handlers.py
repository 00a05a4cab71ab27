"""What payments do by the clock. Their tasks are registered beside the services that ask for them."""

from datetime import timedelta

from django.utils import timezone

from events import sweep
from payments import services

RECEIPTS_KEPT = timedelta(days=90)


@sweep(every=timedelta(seconds=10))
def poll_payments() -> int:
    """Ask providers for payments of which no webhook has told."""
    return services.poll_payments(at=timezone.now())


@sweep(every=timedelta(seconds=10))
def poll_refunds() -> int:
    """Ask providers for refunds of which no webhook has told."""
    return services.poll_refunds(at=timezone.now())


@sweep(every=timedelta(hours=6))
def forget_receipts() -> int:
    """Keep the table of webhooks small."""
    return services.forget_receipts(before=timezone.now() - RECEIPTS_KEPT)
