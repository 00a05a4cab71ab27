"""What a till does with a code."""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import F

from coupon_site.transitions import move
from events import publish
from vouchers.answers import ScanResult
from vouchers.errors import DeviceRevoked
from vouchers.events import VoucherRedeemed
from vouchers.metrics import voucher_scans_total
from vouchers.models import Redemption, RefusedScan, ScannerDevice, Voucher, VoucherState
from vouchers.queries import ScanAnswer, answer_given, judge, voucher_of_code
from vouchers.services.facts import voucher_fact

log = logging.getLogger(__name__)


class _TakenMeanwhile(Exception):
    """Another till was quicker."""


def check_voucher(*, device: ScannerDevice, code: str, at: datetime) -> ScanAnswer:
    """What redeeming would be answered now; changes nothing. Raises DeviceRevoked."""
    refuse_revoked(device)
    voucher = voucher_of_code(code)
    return ScanAnswer(result=judge(voucher, device=device, at=at), voucher=voucher)


@transaction.atomic
def redeem_voucher(*, device: ScannerDevice, code: str, nonce: str, at: datetime) -> ScanAnswer:
    """Take one use of a voucher. The same nonce gets the same answer, whatever happened since. Raises DeviceRevoked."""
    take_turn(device)
    refuse_revoked(device)
    if given := answer_given(device=device, nonce=nonce):
        return given
    voucher = voucher_of_code(code)
    answer = decide(device=device, voucher=voucher, nonce=nonce, at=at)
    transaction.on_commit(voucher_scans_total.labels(result=answer.result.value).inc)
    return answer


def take_turn(device: ScannerDevice) -> None:
    """One attempt of a till at a time: what it sends again too early waits for the first and finds its answer."""
    locked = ScannerDevice.objects.select_for_update(no_key=True)
    device.refresh_from_db(fields=["revoked_at"], from_queryset=locked)


def refuse_revoked(device: ScannerDevice) -> None:
    if device.is_revoked:
        voucher_scans_total.labels(result=ScanResult.DEVICE_REVOKED.value).inc()
        raise DeviceRevoked(result=ScanResult.DEVICE_REVOKED.value)


def decide(*, device: ScannerDevice, voucher: Voucher | None, nonce: str, at: datetime) -> ScanAnswer:
    """A use or a refusal; either is kept under the nonce."""
    result = judge(voucher, device=device, at=at)
    if voucher is None or result is not ScanResult.OK:
        return refuse(device=device, voucher=voucher, nonce=nonce, result=result, at=at)
    try:
        return use(device=device, voucher=voucher, nonce=nonce, at=at)
    except _TakenMeanwhile:
        voucher.refresh_from_db(fields=["state", "uses_done", "expires_at"])
        result = judge(voucher, device=device, at=at)
        lost = ScanResult.ALREADY_REDEEMED if result is ScanResult.OK else result
        return refuse(device=device, voucher=voucher, nonce=nonce, result=lost, at=at)


@transaction.atomic
def use(*, device: ScannerDevice, voucher: Voucher, nonce: str, at: datetime) -> ScanAnswer:
    """The row of the use first, so that the same nonce at the same moment waits for it; then the counter decides."""
    redemption, is_new = Redemption.objects.get_or_create(
        device=device, nonce=nonce, defaults={"voucher": voucher, "merchant": device.merchant, "created_at": at}
    )
    if is_new:
        if not count_use(voucher, at=at):
            raise _TakenMeanwhile
        finish_when_full(voucher)
        publish(voucher_fact(VoucherRedeemed, voucher, redemption=redemption.public_id))
    return ScanAnswer(result=ScanResult.OK, voucher=voucher, redemption=redemption)


def count_use(voucher: Voucher, *, at: datetime) -> bool:
    """One conditional UPDATE: the row count says whether there was a use left."""
    free = Voucher.objects.filter(
        pk=voucher.pk, state=VoucherState.ACTIVE, uses_done__lt=F("uses_total"), valid_from__lte=at, expires_at__gt=at
    )
    return free.update(uses_done=F("uses_done") + 1) == 1


def finish_when_full(voucher: Voucher) -> None:
    voucher.refresh_from_db(fields=["uses_done", "state"])
    if voucher.uses_done >= voucher.uses_total:
        move(voucher, VoucherState.REDEEMED, reason="every use is taken")


def refuse(
    *, device: ScannerDevice, voucher: Voucher | None, nonce: str, result: ScanResult, at: datetime
) -> ScanAnswer:
    """Keep the answer under the nonce. The log says which code it was, the till only what its people need."""
    kept, _ = RefusedScan.objects.get_or_create(
        device=device, nonce=nonce, defaults={"voucher": voucher, "result": result, "created_at": at}
    )
    log.info("scan refused: %s, device %s, voucher %s", result.value, device.public_id, voucher and voucher.public_id)
    return ScanAnswer(result=ScanResult(kept.result), voucher=voucher)
