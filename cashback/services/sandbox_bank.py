"""The sandbox bank's transfers. The account that is to be paid says how the bank behaves."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cashback.errors import TransferConflict
from cashback.models import SandboxState, SandboxTransfer
from events import enqueue, task
from events.models import OutboxMessage

# How the bank first answers to `sandbox:<word>` as a destination; every other one is paid at once.
BEHAVIOURS = {
    "declined": SandboxState.DECLINED,
    "declined_once": SandboxState.DECLINED,
    "slow": SandboxState.PENDING,
    "timeout_before": SandboxState.LOST,
    "timeout_after": SandboxState.PAID,
}
SILENT = ("timeout_before", "timeout_after")


@transaction.atomic
def accept_transfer(*, key: UUID, amount_minor: int, currency: str, destination: str) -> SandboxTransfer:
    """Send money; the same key is the same transfer, and another try if it was lost. Raises TransferConflict."""
    transfer, is_new = SandboxTransfer.objects.select_for_update(no_key=True).get_or_create(
        key=key,
        defaults={
            "amount_minor": amount_minor,
            "currency": currency,
            "destination": destination,
            "state": BEHAVIOURS.get(behaviour_of(destination), SandboxState.PAID),
        },
    )
    if not is_new:
        ask_again(transfer, amount_minor=amount_minor, currency=currency, destination=destination)
    elif transfer.state == SandboxState.PENDING:
        due_at = timezone.now() + timedelta(seconds=settings.SANDBOX_SLOW_SECONDS)
        enqueue(pay_transfer, {"transfer": transfer.public_id}, due_at=due_at)
    return transfer


def behaviour_of(destination: str) -> str:
    return destination.removeprefix("sandbox:") if destination.startswith("sandbox:") else ""


def ask_again(transfer: SandboxTransfer, *, amount_minor: int, currency: str, destination: str) -> None:
    """A known key: nothing is paid twice, what was not paid gets another try."""
    if (transfer.amount_minor, transfer.currency, transfer.destination) != (amount_minor, currency, destination):
        raise TransferConflict(f"key {transfer.key} stands for another transfer")
    if transfer.state == SandboxState.LOST or behaviour_of(destination) == "declined_once":
        transfer.state = SandboxState.PAID
    transfer.asked += 1
    transfer.save(update_fields=["state", "asked"])


def is_silent(transfer: SandboxTransfer) -> bool:
    """Whether the bank leaves its customer without an answer: the first time, where the destination says so."""
    return transfer.asked == 1 and behaviour_of(transfer.destination) in SILENT


@task()
def pay_transfer(message: OutboxMessage) -> None:
    """A slow transfer is through."""
    slow = SandboxTransfer.objects.filter(public_id=message.payload["transfer"], state=SandboxState.PENDING)
    slow.update(state=SandboxState.PAID)
