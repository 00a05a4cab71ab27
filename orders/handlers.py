"""What orders do about payments, about their own facts, and by the clock."""

from datetime import timedelta

from django.utils import timezone

from events import handles, sweep
from events.errors import Defer
from events.models import OutboxMessage
from orders import services
from orders.events import OrderCancelled, OrderExpired, OrderReserved
from orders.models import Order
from payments.errors import ProviderUnavailable
from payments.events import PaymentAuthorized, PaymentCaptured, PaymentChargedBack, PaymentRefunded, PaymentWonBack
from payments.models import Payment

RETRY_SECONDS = 5


@handles(OrderReserved, transactional=False)
def start_payment(message: OutboxMessage) -> None:
    """Bring a new order's payment to the provider; while it is away, wait for it."""
    order = Order.objects.select_related("buyer").get(public_id=message.payload["order"])
    try:
        services.pay_order(order=order, at=timezone.now())
    except ProviderUnavailable as error:
        raise Defer(RETRY_SECONDS, str(error)) from error


@handles(PaymentCaptured)
def confirm_order(message: OutboxMessage) -> None:
    """The money is here: sell what the order holds."""
    order = Order.objects.filter(public_id=message.payload["reference"]).first()
    if order is None:
        return  # the payment was for something else
    payment = Payment.objects.get(public_id=message.payload["payment"])
    services.confirm_order(order=order, captured_minor=message.payload["amount_minor"], payment=payment)


@handles(PaymentRefunded)
def book_refund(message: OutboxMessage) -> None:
    """Money has gone back."""
    order = Order.objects.filter(public_id=message.payload["reference"]).first()
    if order is None:
        return  # the payment was for something else
    payment = Payment.objects.get(public_id=message.payload["payment"])
    services.book_refund(order=order, payment=payment, refunded_minor=message.payload["refunded_minor"])


@handles(PaymentAuthorized)
def release_late_authorization(message: OutboxMessage) -> None:
    """Money was set aside for an order that has ended meanwhile: it is let go."""
    release_payment_of(message.payload["reference"])


@handles(OrderExpired, OrderCancelled)
def release_payment(message: OutboxMessage) -> None:
    """Nobody pays any more for an order that has ended."""
    release_payment_of(message.payload["order"])


def release_payment_of(reference: str) -> None:
    if order := Order.objects.filter(public_id=reference).first():
        services.release_payment(order=order)


@handles(PaymentChargedBack)
def charge_back_order(message: OutboxMessage) -> None:
    """The payer's bank took the money back."""
    order = Order.objects.filter(public_id=message.payload["reference"]).first()
    if order is None:
        return  # the payment was for something else
    services.charge_back_order(order=order, payment=Payment.objects.get(public_id=message.payload["payment"]))


@handles(PaymentWonBack)
def give_back_won(message: OutboxMessage) -> None:
    """A contested payment is ours after all; if nothing was sold for it, it goes back now."""
    order = Order.objects.filter(public_id=message.payload["reference"]).first()
    if order is None:
        return  # the payment was for something else
    services.give_back_won(order=order, payment=Payment.objects.get(public_id=message.payload["payment"]))


@sweep(every=timedelta(seconds=5))
def expire_orders() -> int:
    """Close unpaid orders whose hold has run out."""
    return services.expire_orders(at=timezone.now())


@sweep(every=timedelta(seconds=2))
def rebuild_gate() -> int:
    """Tell the gate what the database knows."""
    return services.rebuild_gate(at=timezone.now())
