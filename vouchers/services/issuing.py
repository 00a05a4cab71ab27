"""Making the vouchers of a paid order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from events import publish
from orders.gifts import GiftWish
from orders.models import Order, OrderLine, OrderState
from orders.services import mark_fulfilled
from vouchers.codes import new_code
from vouchers.errors import CodesExhausted
from vouchers.events import VouchersIssued
from vouchers.models import Voucher, VoucherState
from vouchers.services.giving import give_issued

ATTEMPTS = 3


@transaction.atomic
def issue_vouchers(*, order: UUID, at: datetime) -> list[Voucher]:
    """One voucher per unit of a paid order, and the order fulfilled; again changes nothing.

    `order` is its public id; one that was refunded meanwhile gets none. Raises Order.DoesNotExist, CodesExhausted.
    """
    row = Order.objects.select_for_update(no_key=True, of=("self",)).select_related("buyer").get(public_id=order)
    if row.state not in (OrderState.PAID, OrderState.FULFILLED):
        return []
    lines = list(row.lines.select_related("sale__offer__merchant"))
    vouchers = fill(row, lines, at=at)
    for line in lines:
        if line.gift:
            units = [voucher for voucher in vouchers if voucher.line_id == line.pk]
            give_issued(units, giver=row.buyer, wish=GiftWish.from_json(line.gift), at=at)
    if row.state == OrderState.PAID:
        mark_fulfilled(order=row)
        ids = tuple(voucher.public_id for voucher in vouchers)
        publish(VouchersIssued(order=row.public_id, buyer=row.buyer.public_id, vouchers=ids))
    return vouchers


def fill(order: Order, lines: Sequence[OrderLine], *, at: datetime) -> list[Voucher]:
    """Make the units that are missing until none is. A drawn code that exists already is left out: draw again."""
    for _ in range(ATTEMPTS):
        made = list(Voucher.objects.of_order(order.pk).order_by("line_id", "unit_no"))
        have = {(voucher.line_id, voucher.unit_no) for voucher in made}
        missing = [(line, unit) for line, unit in units_of(lines) if (line.pk, unit) not in have]
        if not missing:
            return made
        Voucher.objects.bulk_create([draw(order, line, unit, at=at) for line, unit in missing], ignore_conflicts=True)
    made = list(Voucher.objects.of_order(order.pk).order_by("line_id", "unit_no"))
    if len(made) < sum(line.quantity for line in lines):
        raise CodesExhausted(f"no free codes after {ATTEMPTS} draws")
    return made


def units_of(lines: Iterable[OrderLine]) -> Iterable[tuple[OrderLine, int]]:
    return ((line, unit) for line in lines for unit in range(line.quantity))


def draw(order: Order, line: OrderLine, unit: int, *, at: datetime) -> Voucher:
    """An unsaved voucher for one unit, by the rules of its offer."""
    offer = line.sale.offer
    return Voucher(
        code=new_code(),
        line=line,
        unit_no=unit,
        owner=order.buyer,
        merchant=offer.merchant,
        offer=offer,
        value_minor=offer.value_minor,
        currency=offer.currency,
        uses_total=offer.uses_per_voucher,
        valid_from=max(at, offer.valid_from) if offer.valid_from else at,
        expires_at=offer.voucher_expiry(at),
        state=VoucherState.ISSUED if line.gift else VoucherState.ACTIVE,
    )
