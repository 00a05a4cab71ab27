"""What payments do about their own facts, and by the clock. Their tasks are beside the services that ask for them."""

from datetime import timedelta

from django.utils import timezone

from events import handles, sweep
from events.models import OutboxMessage
from payments import services
from payments.events import PaymentAuthorized, PaymentFailed
from payments.models import Payment

RECEIPTS_KEPT = timedelta(days=90)


@handles(PaymentAuthorized)
def let_go_unwanted(message: OutboxMessage) -> None:
    """An authorisation that came too late is let go."""
    services.let_go_unwanted(payment=Payment.objects.get(public_id=message.payload["payment"]))


@handles(PaymentFailed)
def close_failed(message: OutboxMessage) -> None:
    """A charge that failed takes no second try beside the payment that comes after it."""
    services.close_failed(payment=Payment.objects.get(public_id=message.payload["payment"]))


@sweep(every=timedelta(seconds=10))
def poll_payments() -> int:
    """Ask providers for payments of which no webhook has told."""
    return services.poll_payments(at=timezone.now())


@sweep(every=timedelta(seconds=10))
def poll_refunds() -> int:
    """Ask providers for refunds of which no webhook has told."""
    return services.poll_refunds(at=timezone.now())


@sweep(every=timedelta(seconds=10))
def poll_disputes() -> int:
    """Ask providers for disputes of which no webhook has told further."""
    return services.poll_disputes(at=timezone.now())


@sweep(every=timedelta(minutes=10))
def find_disputes() -> int:
    """Ask the provider for disputes of which no webhook has told at all."""
    return services.find_disputes(at=timezone.now())


@sweep(every=timedelta(hours=6))
def forget_receipts() -> int:
    """Keep the table of webhooks small."""
    return services.forget_receipts(before=timezone.now() - RECEIPTS_KEPT)
