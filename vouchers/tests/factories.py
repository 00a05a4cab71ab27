"""Rows to begin with."""

from datetime import datetime
from itertools import count
from typing import Any

from django.utils import timezone

from accounts.models import User
from orders.models import FlashSale, Merchant, Order
from orders.services import confirm_order
from orders.tests.factories import captured_payment, new_merchant, new_offer, new_order, new_sale
from vouchers.answers import ScanResult
from vouchers.models import ScannerDevice, Voucher, VoucherState
from vouchers.queries import ScanAnswer
from vouchers.services import issue_vouchers, redeem_voucher, register_device

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
