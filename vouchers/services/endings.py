"""How vouchers end: expired, or taken back because their order is refunded."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts.models import User
from coupon_site.transitions import move
from events import publish_many
from orders.models import Order
from vouchers.errors import VouchersUsed
from vouchers.events import VoucherCancelled, VoucherExpired
from vouchers.models import RefusedScan, Voucher, VoucherState
from vouchers.services.facts import voucher_fact
from vouchers.services.returning import revoke_gifts_of


@transaction.atomic
def expire_vouchers(*, at: datetime, limit: int = 200) -> int:
    """End active vouchers whose last day is over; answers how many. Those that somebody works on wait."""
    overdue = Voucher.objects.overdue(at).select_for_update(no_key=True, skip_locked=True, of=("self",))
    vouchers = list(overdue.select_related("owner", "merchant")[:limit])
    for voucher in vouchers:
        move(voucher, VoucherState.EXPIRED, reason="its last day is over")
    publish_many([voucher_fact(VoucherExpired, voucher) for voucher in vouchers])
    return len(vouchers)


@transaction.atomic
def take_back_vouchers(*, order: Order, at: datetime, actor: User | None = None, reason: str = "") -> int:
    """Cancel an order's vouchers before its money goes back; answers how many. Raises VouchersUsed.

    Gifts that nobody has opened are revoked first. One that was opened is cancelled too, unless it was used.
    """
    vouchers = freed_of_gifts(order, actor=actor, reason=reason, at=at)
    if used := [voucher for voucher in vouchers if voucher.uses_done or voucher.state == VoucherState.GIFT_LOCKED]:
        raise VouchersUsed(f"{len(used)} of the order's {len(vouchers)} vouchers.", used=len(used))
    return cancel_active(vouchers, actor=actor, reason=reason)


@transaction.atomic
def withdraw_vouchers(*, order: Order, at: datetime, reason: str = "") -> int:
    """Cancel what is left of an order's vouchers though some were used, because its money is gone; answers how many."""
    return cancel_active(freed_of_gifts(order, actor=None, reason=reason, at=at), actor=None, reason=reason)


def freed_of_gifts(order: Order, *, actor: User | None, reason: str, at: datetime) -> list[Voucher]:
    """An order's vouchers, locked, once the gifts that nobody has opened are revoked."""
    revoke_gifts_of(order, actor=actor, reason=reason, at=at)
    rows = Voucher.objects.of_order(order.pk).order_by("id").select_for_update(no_key=True, of=("self",))
    return list(rows.select_related("owner", "merchant"))


def cancel_active(vouchers: Iterable[Voucher], *, actor: User | None, reason: str) -> int:
    active = [voucher for voucher in vouchers if voucher.state == VoucherState.ACTIVE]
    for voucher in active:
        move(voucher, VoucherState.CANCELLED, actor=actor, reason=reason)
    publish_many([voucher_fact(VoucherCancelled, voucher) for voucher in active])
    return len(active)


@transaction.atomic
def forget_refusals(*, before: datetime, limit: int = 5_000) -> int:
    """Remove old answers to refused scans: no till repeats an attempt after weeks."""
    old = RefusedScan.objects.filter(created_at__lt=before).values("pk")[:limit]
    return RefusedScan.objects.filter(pk__in=old).delete()[0]
