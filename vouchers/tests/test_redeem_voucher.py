from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxEvent
from vouchers.answers import ScanResult
from vouchers.codes import ALPHABET, new_code
from vouchers.errors import DeviceRevoked
from vouchers.models import Redemption, RefusedScan, ScannerDevice, Voucher, VoucherState
from vouchers.services import check_voucher, redeem_voucher, revoke_device
from vouchers.tests.conftest import Books
from vouchers.tests.factories import accepted, new_till, new_voucher, scan

pytestmark = pytest.mark.django_db


def changed(voucher: Voucher, **values: object) -> Voucher:
    """The same voucher, otherwise."""
    Voucher.objects.filter(pk=voucher.pk).update(**values)
    voucher.refresh_from_db()
    return voucher


def scans(result: str) -> float:
    return REGISTRY.get_sample_value("voucher_scans_total", {"result": result}) or 0


# --- taken ---


def test_good_voucher__is_used_up(
    voucher: Voucher,
    till: ScannerDevice,
    broken: Books,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    now, before = timezone.now(), scans("ok")

    with django_capture_on_commit_callbacks(execute=True):
        answer = scan(till, voucher, nonce="first", at=now)

    voucher.refresh_from_db()
    use = Redemption.objects.get()
    event = OutboxEvent.objects.get(event_type="voucher.redeemed")
    assert (answer.result, answer.voucher, answer.redemption) == ("ok", voucher, use)
    assert (voucher.state, voucher.uses_done) == ("redeemed", 1)
    assert (use.device, use.merchant, use.nonce, use.voids, use.created_at) == (till, till.merchant, "first", None, now)
    assert StateChange.objects.get(object_id=voucher.public_id).to_state == "redeemed"
    assert set(event.audience) == {f"user:{voucher.owner.public_id}", "perm:orders.view_order"}
    assert str(use.public_id) in event.payload
    assert voucher.code not in event.payload
    assert not RefusedScan.objects.exists()
    assert scans("ok") == before + 1
    assert broken() == {}


def test_voucher_of_several_uses__stays_active_until_the_last(user: User, broken: Books) -> None:
    voucher = new_voucher(user, uses_per_voucher=3)
    till = new_till(voucher.merchant)

    seen = [(scan(till, voucher).result, voucher.refresh_from_db() or voucher.state) for _ in range(4)]

    assert seen == [("ok", "active"), ("ok", "active"), ("ok", "redeemed"), ("already_redeemed", "redeemed")]
    assert voucher.uses_done == 3
    assert broken() == {}


# --- refused ---

DAY = timedelta(days=1)
REFUSED: dict[str, tuple[str, Callable[[Voucher], Voucher]]] = {
    "used": ("already_redeemed", lambda it: changed(it, state="redeemed", uses_done=1)),
    "early": ("not_yet_valid", lambda it: changed(it, valid_from=timezone.now() + DAY)),
    "swept": ("expired", lambda it: changed(it, state="expired", expires_at=timezone.now() - DAY)),
    "not swept yet": ("expired", lambda it: changed(it, expires_at=timezone.now())),
    "locked, over": ("expired", lambda it: changed(it, state="gift_locked", expires_at=timezone.now())),
    "cancelled": ("cancelled", lambda it: changed(it, state="cancelled")),
    "locked": ("gift_locked", lambda it: changed(it, state="gift_locked")),
    "no such code": ("unknown", lambda it: changed(it, code=new_code())),
}


@pytest.mark.parametrize("case", REFUSED)
def test_voucher_that_is_not_good__is_refused_and_nothing_changes(
    voucher: Voucher,
    till: ScannerDevice,
    case: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    result, change = REFUSED[case]
    code, known = voucher.code, change(voucher)
    row, before = Voucher.objects.values().get(), scans(result)

    checked = check_voucher(device=till, code=code, at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        answer = redeem_voucher(device=till, code=code, nonce="n", at=timezone.now())

    kept = RefusedScan.objects.get()
    assert answer.result == checked.result == result
    assert answer.redemption is None
    assert (kept.result, kept.nonce, kept.voucher) == (result, "n", None if result == "unknown" else known)
    assert Voucher.objects.values().get() == row
    assert not Redemption.objects.exists()
    assert not OutboxEvent.objects.filter(event_type="voucher.redeemed").exists()
    assert scans(result) == before + 1


def test_voucher_of_another_merchant__is_refused_whatever_its_state(voucher: Voucher) -> None:
    stranger = new_till()

    assert scan(stranger, voucher).result == "wrong_merchant"
    assert scan(stranger, changed(voucher, state="cancelled")).result == "wrong_merchant"

    assert not Redemption.objects.exists()


@pytest.mark.parametrize(("offset", "result"), [(timedelta(0), "ok"), (-timedelta(microseconds=1), "not_yet_valid")])
def test_first_moment__is_valid(voucher: Voucher, till: ScannerDevice, offset: timedelta, result: str) -> None:
    assert scan(till, voucher, at=voucher.valid_from + offset).result == result


@pytest.mark.parametrize(("offset", "result"), [(-timedelta(microseconds=1), "ok"), (timedelta(0), "expired")])
def test_end_of_the_last_day__is_the_end(voucher: Voucher, till: ScannerDevice, offset: timedelta, result: str) -> None:
    assert scan(till, voucher, at=voucher.expires_at + offset).result == result


def test_revoked_till__is_refused_even_with_a_good_voucher(voucher: Voucher, till: ScannerDevice) -> None:
    before = scans("device_revoked")
    revoke_device(device=till, at=timezone.now())

    with pytest.raises(DeviceRevoked):
        scan(till, voucher)
    with pytest.raises(DeviceRevoked):
        check_voucher(device=till, code=voucher.code, at=timezone.now())

    assert not Redemption.objects.exists()
    assert not RefusedScan.objects.exists()
    assert scans("device_revoked") == before + 2


def test_till_revoked_since_it_signed_in__is_refused(voucher: Voucher, till: ScannerDevice) -> None:
    signed_in = ScannerDevice.objects.get(pk=till.pk)
    revoke_device(device=till, at=timezone.now())

    with pytest.raises(DeviceRevoked):
        scan(signed_in, voucher)

    assert not Redemption.objects.exists()


# --- told again ---


def test_same_nonce__gets_the_same_answer_and_takes_one_use(
    voucher: Voucher, till: ScannerDevice, broken: Books
) -> None:
    first, again = (scan(till, voucher, nonce="one") for _ in range(2))

    assert (again.result, again.voucher, again.redemption) == (first.result, first.voucher, first.redemption)
    assert first.result == "ok"
    assert Redemption.objects.count() == OutboxEvent.objects.filter(event_type="voucher.redeemed").count() == 1
    assert broken() == {}


def test_new_nonce__is_told_already_redeemed(voucher: Voucher, till: ScannerDevice) -> None:
    scan(till, voucher, nonce="one")

    answer = scan(till, voucher, nonce="two")

    assert (answer.result, answer.redemption) == ("already_redeemed", None)
    assert Redemption.objects.count() == 1


def test_same_nonce_at_another_till__is_another_attempt(voucher: Voucher, till: ScannerDevice) -> None:
    scan(till, voucher, nonce="one")

    assert scan(new_till(voucher.merchant), voucher, nonce="one").result == "already_redeemed"


def test_refusal__is_repeated_though_the_voucher_is_good_by_now(voucher: Voucher, till: ScannerDevice) -> None:
    early = voucher.valid_from - timedelta(seconds=1)
    assert scan(till, voucher, nonce="one", at=early).result == "not_yet_valid"

    again = scan(till, voucher, nonce="one")

    assert (again.result, again.voucher) == ("not_yet_valid", voucher)
    assert RefusedScan.objects.count() == 1
    assert scan(till, voucher, nonce="two").result == "ok"


def test_nonce_told_again_with_another_code__gets_the_first_answer(
    voucher: Voucher, till: ScannerDevice, user: User
) -> None:
    other = new_voucher(user, merchant=voucher.merchant)
    scan(till, voucher, nonce="one")

    answer = scan(till, other, nonce="one")

    assert (answer.result, answer.voucher) == ("ok", voucher)
    other.refresh_from_db()
    assert other.uses_done == 0


# --- codes and costs ---


def test_mistyped_code__is_unknown_without_a_look_at_vouchers(
    till: ScannerDevice, voucher: Voucher, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    wrong = ALPHABET[(ALPHABET.index(voucher.code[4]) + 7) % len(ALPHABET)]
    typo = voucher.code[:4] + wrong + voucher.code[5:]

    with django_assert_num_queries(0):
        answer = check_voucher(device=till, code=typo, at=timezone.now())

    assert (answer.result, answer.voucher) == ("unknown", None)


def test_code_as_people_type_it__is_read(voucher: Voucher, till: ScannerDevice) -> None:
    typed = voucher.code_in_groups.lower().replace("0", "o").replace("1", "l")

    answer = redeem_voucher(device=till, code=typed, nonce="n", at=timezone.now())

    assert answer.result is ScanResult.OK


def test_check__promises_and_takes_nothing(voucher: Voucher, till: ScannerDevice) -> None:
    answer = check_voucher(device=till, code=voucher.code, at=timezone.now())

    voucher.refresh_from_db()
    assert (answer.result, answer.voucher, answer.redemption) == ("ok", voucher, None)
    assert (voucher.state, voucher.uses_done) == (VoucherState.ACTIVE, 0)
    assert not Redemption.objects.exists()
    assert not RefusedScan.objects.exists()


def test_refusal__is_logged_with_voucher_and_without_code(
    voucher: Voucher, till: ScannerDevice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="vouchers")
    stranger = new_till()

    scan(stranger, voucher)

    [line] = [record.getMessage() for record in caplog.records if record.name.startswith("vouchers")]
    assert "wrong_merchant" in line
    assert str(voucher.public_id) in line
    assert voucher.code not in line


def test_use_after_a_use_taken_elsewhere__keeps_the_books(user: User, broken: Books) -> None:
    voucher = new_voucher(user, uses_per_voucher=2)
    tills = [new_till(voucher.merchant) for _ in range(3)]

    accepted(tills[0], voucher)
    accepted(tills[1], voucher)

    assert scan(tills[2], voucher).result == "already_redeemed"
    assert broken() == {}
