"""Rows to begin with."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from accounts.models import User
from orders.gifts import GiftMode, GiftWish
from orders.models import FlashSale, Merchant, Order
from orders.services import confirm_order
from orders.tests.factories import captured_payment, new_merchant, new_offer, new_order, new_sale
from vouchers.answers import ScanResult
from vouchers.links import token_of
from vouchers.models import Gift, ScannerDevice, Voucher, VoucherState
from vouchers.queries import ScanAnswer
from vouchers.services import claim_gift, create_gift, issue_vouchers, redeem_voucher, register_device

_numbers = count(1)


def new_paid_order(buyer: User, *sales: FlashSale, quantity: int = 1) -> Order:
    """An order whose money is here and whose vouchers are not."""
    order = new_order(buyer, *sales, quantity=quantity)
    return confirm_order(order=order, captured_minor=order.total_minor, payment=captured_payment(order))


def new_vouchers(owner: User, *, quantity: int, at: datetime | None = None, **terms: Any) -> list[Voucher]:
    """The vouchers of one order of an offer of its own."""
    order = new_paid_order(owner, new_sale(offer=new_offer(**terms)), quantity=quantity)
    return issue_vouchers(order=order.public_id, at=at or timezone.now())


def new_voucher(owner: User, *, state: VoucherState = VoucherState.ACTIVE, **terms: Any) -> Voucher:
    """One voucher; its history is left out when it is to be in another state than the first."""
    [voucher] = new_vouchers(owner, quantity=1, **terms)
    voucher.state = state
    voucher.uses_done = voucher.uses_total if state == VoucherState.REDEEMED else 0
    voucher.save(update_fields=["state", "uses_done"])
    return Voucher.objects.select_related("merchant", "offer", "owner", "line__order").get(pk=voucher.pk)


def new_till(merchant: Merchant | None = None) -> ScannerDevice:
    till, _ = register_device(merchant=merchant or new_merchant(), name=f"Till {next(_numbers)}")
    return till


def scan(till: ScannerDevice, voucher: Voucher, *, nonce: str = "", at: datetime | None = None) -> ScanAnswer:
    """Redeem, as an attempt of its own unless a nonce is given."""
    return redeem_voucher(
        device=till, code=voucher.code, nonce=nonce or f"scan-{next(_numbers)}", at=at or timezone.now()
    )


def accepted(till: ScannerDevice, voucher: Voucher, *, at: datetime | None = None) -> Any:
    """The use that a scan makes."""
    answer = scan(till, voucher, at=at)
    assert answer.result is ScanResult.OK, answer
    return answer.redemption


def new_wish(**fields: Any) -> GiftWish:
    """A wish that fits its mode."""
    mode = fields.pop("mode", GiftMode.LINK)
    address = {"recipient_email": "ada@example.com"} if mode == GiftMode.EMAIL else {}
    moment = {"deliver_at": timezone.now() + timedelta(days=3)} if mode == GiftMode.DATE else {}
    return GiftWish(mode=mode, **{**address, **moment, **fields})


def new_gift(giver: User, *, voucher: Voucher | None = None, at: datetime | None = None, **fields: Any) -> Gift:
    """A voucher on its way to somebody."""
    voucher = voucher or new_voucher(giver)
    return create_gift(voucher=voucher, giver=giver, wish=new_wish(**fields), at=at or timezone.now())


def claim(gift: Gift, *, claimer: User | None = None, at: datetime | None = None) -> Gift:
    """Open a gift as whoever has its link."""
    return claim_gift(token=token_of(gift.seed), claimer=claimer, at=at or timezone.now())
