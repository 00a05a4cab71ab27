"""Taking a scan back."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from accounts.models import User
from coupon_site.transitions import move
from events import publish
from vouchers.errors import DeviceRevoked, NotAUse, VoidWindowOver
from vouchers.events import RedemptionVoided
from vouchers.models import Redemption, ScannerDevice, Voucher, VoucherState
from vouchers.services.facts import voucher_fact


@transaction.atomic
def void_redemption(
    *, redemption: Redemption, at: datetime, device: ScannerDevice | None = None, actor: User | None = None
) -> Redemption:
    """Give a use back, by a till or by an operator; again answers with the same reversal.

    Raises DeviceRevoked, NotAUse, VoidWindowOver.
    """
    if device and device.is_revoked:
        raise DeviceRevoked
    locked = Voucher.objects.select_for_update(no_key=True, of=("self",)).select_related("offer", "merchant", "owner")
    voucher = locked.get(pk=redemption.voucher_id)
    if redemption.voids_id:
        raise NotAUse
    if done := Redemption.objects.filter(voids=redemption).first():
        return done
    if at > redemption.created_at + timedelta(seconds=voucher.offer.void_window_seconds):
        raise VoidWindowOver(f"It was open for {voucher.offer.void_window_seconds} s.")
    return reverse(redemption, voucher=voucher, device=device or redemption.device, actor=actor, at=at)


def reverse(
    redemption: Redemption, *, voucher: Voucher, device: ScannerDevice, actor: User | None, at: datetime
) -> Redemption:
    """The reversing row, and the counter set back."""
    reversal = Redemption.objects.create(
        voucher=voucher,
        merchant_id=redemption.merchant_id,
        device=device,
        nonce=f"void:{redemption.public_id}",
        voids=redemption,
        created_at=at,
    )
    Voucher.objects.filter(pk=voucher.pk).update(uses_done=F("uses_done") - 1)
    if voucher.state == VoucherState.REDEEMED:
        move(voucher, VoucherState.ACTIVE, actor=actor, reason="a scan was taken back")
    voucher.refresh_from_db(fields=["uses_done", "state"])
    publish(voucher_fact(RedemptionVoided, voucher, redemption=reversal.public_id))
    return reversal
