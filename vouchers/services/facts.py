"""What vouchers and gifts announce, put together from their rows."""

from typing import Any, TypeVar

from vouchers.events import GiftEvent, VoucherEvent
from vouchers.models import Gift, Voucher

V = TypeVar("V", bound=VoucherEvent)
G = TypeVar("G", bound=GiftEvent)


def voucher_fact(kind: type[V], voucher: Voucher, **more: Any) -> V:
    """An event about a voucher as it is now; `more` are the kind's own fields."""
    return kind(
        voucher=voucher.public_id,
        owner=voucher.owner.public_id if voucher.owner else None,
        merchant=voucher.merchant.public_id,
        state=str(voucher.state),
        uses_done=voucher.uses_done,
        uses_total=voucher.uses_total,
        **more,
    )


def gift_fact(kind: type[G], gift: Gift) -> G:
    """An event about a gift as it is now."""
    return kind(
        gift=gift.public_id,
        voucher=gift.voucher.public_id,
        giver=gift.giver.public_id,
        mode=str(gift.mode),
        theme=str(gift.theme),
        state=str(gift.state),
    )
