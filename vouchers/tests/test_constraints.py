"""What the database holds by itself, whoever writes."""

import pytest
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.models import User
from vouchers.models import Redemption, RefusedScan, ScannerDevice, Voucher
from vouchers.services import void_redemption
from vouchers.tests.factories import accepted, new_till, new_vouchers, scan

pytestmark = pytest.mark.django_db

BROKEN = [
    ({"state": "lost"}, "vouchers_voucher_state_known"),
    ({"uses_done": 2}, "vouchers_voucher_uses_in_total"),
    ({"uses_done": -1}, "vouchers_voucher_uses_"),
    ({"uses_total": 0}, "vouchers_voucher_uses_in_total"),
    ({"value_minor": 0}, "vouchers_voucher_value_positive"),
    ({"code": "SAME"}, "vouchers_voucher_code"),
    ({"unit_no": 7}, "vouchers_voucher_unit"),
]


@pytest.mark.parametrize(("values", "constraint"), BROKEN)
def test_voucher_that_can_not_be__is_refused(user: User, values: dict[str, object], constraint: str) -> None:
    new_vouchers(user, quantity=2)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Voucher.objects.update(**values)


def test_second_use_of_an_attempt__is_refused(till: ScannerDevice, voucher: Voucher) -> None:
    use = accepted(till, voucher)

    with pytest.raises(IntegrityError, match="vouchers_redemption_nonce"), transaction.atomic():
        Redemption.objects.create(
            voucher=voucher, merchant=till.merchant, device=till, nonce=use.nonce, created_at=use.created_at
        )


def test_second_refusal_of_an_attempt__is_refused(voucher: Voucher) -> None:
    stranger = new_till()
    scan(stranger, voucher, nonce="one")

    with pytest.raises(IntegrityError, match="vouchers_refusedscan_nonce"), transaction.atomic():
        RefusedScan.objects.create(device=stranger, nonce="one", result="unknown", created_at=timezone.now())


def test_second_reversal__is_refused(till: ScannerDevice, voucher: Voucher) -> None:
    use = accepted(till, voucher)
    void_redemption(redemption=use, at=timezone.now())

    with pytest.raises(IntegrityError, match="voids"), transaction.atomic():
        Redemption.objects.create(
            voucher=voucher, merchant=voucher.merchant, device=till, nonce="x", voids=use, created_at=timezone.now()
        )


def test_use_that_takes_itself_back__is_refused(till: ScannerDevice, voucher: Voucher) -> None:
    accepted(till, voucher)

    with pytest.raises(IntegrityError, match="vouchers_redemption_voids_another"), transaction.atomic():
        Redemption.objects.update(voids=models.F("id"))


def test_key_of_another_till__is_refused(till: ScannerDevice) -> None:
    new_till()

    with pytest.raises(IntegrityError, match="digest"), transaction.atomic():
        ScannerDevice.objects.update(digest="same")


def test_answer_that_is_not_known__is_refused(till: ScannerDevice, voucher: Voucher) -> None:
    scan(new_till(), voucher)

    with pytest.raises(IntegrityError, match="vouchers_refusedscan_result_known"), transaction.atomic():
        RefusedScan.objects.update(result="lost")
