"""What is there when those who live have finished."""

from collections import Counter
from typing import Any

from cashback.models import CashbackEvent, Transfer
from coupon_site import redis
from events.frames import stream_key
from events.models import MessageState, OutboxChannel, OutboxEvent, OutboxMessage
from events.relay import Relay
from events.services import drain
from events.tests.processes import wait_for
from monitoring.queries.invariants import reconcile
from orders.models import Order
from payments.models import Payment, SandboxCharge
from vouchers.models import Voucher


def come_to_rest() -> None:
    """A worker that lives does what is left."""

    def is_done() -> bool:
        drain()
        return not OutboxMessage.objects.exclude(state=MessageState.DELIVERED).exists()

    wait_for(is_done)


def broken() -> dict[str, int]:
    return {finding.invariant: finding.broken_rows for finding in reconcile() if not finding.holds}


def repeated() -> list[tuple[str, str]]:
    """What was announced of one thing more than once."""
    announced = Counter(OutboxEvent.objects.values_list("event_type", "aggregate_id"))
    return [fact for fact, count in announced.items() if count > 1]


def bought() -> dict[str, Any]:
    """What came of the one order."""
    return {
        "order": Order.objects.get().state,
        "payments": list(Payment.objects.values_list("state", "captured_minor")),
        "charges": list(SandboxCharge.objects.values_list("state", "amount_minor")),
        "vouchers": Voucher.objects.count(),
        "cashback": list(CashbackEvent.objects.values_list("state", "original_minor")),
        "transfers": list(Transfer.objects.values_list("reason", "amount_minor")),
        "repeated": repeated(),
        "broken": broken(),
    }


BOUGHT = {
    "order": "fulfilled",
    "payments": [("captured", 2000)],
    "charges": [("captured", 2000)],
    "vouchers": 2,
    "cashback": [("pending", 100)],
    "transfers": [("accrual", 100)],
    "repeated": [],
    "broken": {},
}


def relay_the_rest() -> None:
    """Another relay takes over as soon as PostgreSQL has noticed that the first is gone."""
    wait_for(lambda: Relay().run(once=True) >= 0 and not OutboxEvent.objects.filter(status__lt=2).exists())


def numbers() -> list[int]:
    return list(OutboxEvent.objects.filter(channel="events:orders").order_by("id").values_list("seq", flat=True))


def stream() -> list[int]:
    channel = OutboxChannel.objects.get(channel="events:orders")
    entries: Any = redis.client().xrange(stream_key(channel.channel, channel.epoch))
    return [int(entry.partition(b"-")[0]) for entry, _ in entries]
