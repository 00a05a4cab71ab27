from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxEvent
from payments.tests.races import at_once
from vouchers.errors import DeviceRevoked, NotAUse, VoidWindowOver
from vouchers.models import Redemption, ScannerDevice, Voucher
from vouchers.services import expire_vouchers, revoke_device, void_redemption
from vouchers.tests.conftest import Books
from vouchers.tests.factories import accepted, new_till, new_voucher, scan

pytestmark = pytest.mark.django_db


@pytest.fixture
def use(till: ScannerDevice, voucher: Voucher) -> Redemption:
    redemption: Redemption = accepted(till, voucher)
    return redemption


def test_use__is_given_back_with_its_reversal(
    use: Redemption, voucher: Voucher, till: ScannerDevice, broken: Books
) -> None:
    now = timezone.now()

    reversal = void_redemption(redemption=use, device=till, at=now)

    voucher.refresh_from_db()
    changes = StateChange.objects.filter(object_id=voucher.public_id).order_by("id")
    event = OutboxEvent.objects.get(event_type="voucher.redemption_voided")
    assert (voucher.state, voucher.uses_done) == ("active", 0)
    assert (reversal.voids, reversal.device, reversal.merchant, reversal.created_at) == (use, till, use.merchant, now)
    assert [change.to_state for change in changes] == ["redeemed", "active"]
    assert str(reversal.public_id) in event.payload
    assert f"user:{voucher.owner.public_id}" in event.audience
    assert broken() == {}


def test_voucher_given_back__is_good_again_and_the_old_attempt_keeps_its_answer(
    use: Redemption, voucher: Voucher, till: ScannerDevice, broken: Books
) -> None:
    void_redemption(redemption=use, device=till, at=timezone.now())

    assert scan(till, voucher, nonce=use.nonce).redemption == use
    assert scan(till, voucher).result == "ok"
    assert scan(till, voucher).result == "already_redeemed"
    assert broken() == {}


def test_told_twice__is_the_same_reversal(use: Redemption, voucher: Voucher, till: ScannerDevice) -> None:
    first, again = (void_redemption(redemption=use, device=till, at=timezone.now()) for _ in range(2))

    voucher.refresh_from_db()
    assert again == first
    assert voucher.uses_done == 0
    assert OutboxEvent.objects.filter(event_type="voucher.redemption_voided").count() == 1


def test_told_again_after_the_window__is_still_the_same_reversal(use: Redemption, till: ScannerDevice) -> None:
    reversal = void_redemption(redemption=use, device=till, at=timezone.now())

    assert void_redemption(redemption=use, device=till, at=timezone.now() + timedelta(days=9)) == reversal


@pytest.mark.django_db(transaction=True)
def test_told_twice_at_once__is_one_reversal(
    use: Redemption, voucher: Voucher, till: ScannerDevice, broken: Books
) -> None:
    other = new_till(voucher.merchant)

    first, second = at_once(
        [lambda by=by: void_redemption(redemption=use, device=by, at=timezone.now()) for by in (till, other)]
    )

    assert first == second
    assert Redemption.objects.filter(voids=use).count() == 1
    assert broken() == {}


def test_window__is_open_to_its_last_moment(user: User) -> None:
    voucher = new_voucher(user, void_window_seconds=60)
    till = new_till(voucher.merchant)
    use = accepted(till, voucher)
    end: datetime = use.created_at + timedelta(seconds=60)

    with pytest.raises(VoidWindowOver):
        void_redemption(redemption=use, device=till, at=end + timedelta(microseconds=1))

    voucher.refresh_from_db()
    assert (voucher.state, voucher.uses_done) == ("redeemed", 1)
    assert not Redemption.objects.filter(voids=use).exists()
    assert not OutboxEvent.objects.filter(event_type="voucher.redemption_voided").exists()
    assert void_redemption(redemption=use, device=till, at=end).voids == use


def test_reversal__can_not_be_taken_back(use: Redemption, voucher: Voucher, till: ScannerDevice, broken: Books) -> None:
    reversal = void_redemption(redemption=use, device=till, at=timezone.now())

    with pytest.raises(NotAUse):
        void_redemption(redemption=reversal, device=till, at=timezone.now())

    assert Redemption.objects.count() == 2
    assert broken() == {}


def test_revoked_till__takes_nothing_back(use: Redemption, voucher: Voucher, till: ScannerDevice) -> None:
    revoke_device(device=till, at=timezone.now())

    with pytest.raises(DeviceRevoked):
        void_redemption(redemption=use, device=till, at=timezone.now())

    voucher.refresh_from_db()
    assert voucher.uses_done == 1


def test_operator__is_named_in_the_history(use: Redemption, voucher: Voucher, operator: User) -> None:
    reversal = void_redemption(redemption=use, actor=operator, at=timezone.now())

    assert StateChange.objects.get(object_id=voucher.public_id, to_state="active").actor == operator
    assert reversal.device == use.device


def test_one_use_of_several__is_given_back(user: User, broken: Books) -> None:
    voucher = new_voucher(user, uses_per_voucher=3)
    till = new_till(voucher.merchant)
    uses = [accepted(till, voucher) for _ in range(2)]

    void_redemption(redemption=uses[0], device=till, at=timezone.now())

    voucher.refresh_from_db()
    assert (voucher.state, voucher.uses_done) == ("active", 1)
    assert broken() == {}


def test_use_given_back_after_the_last_day__leaves_the_voucher_expired(
    use: Redemption, voucher: Voucher, till: ScannerDevice, broken: Books
) -> None:
    Voucher.objects.update(expires_at=use.created_at)
    void_redemption(redemption=use, device=till, at=timezone.now())

    assert expire_vouchers(at=timezone.now()) == 1

    voucher.refresh_from_db()
    assert (voucher.state, voucher.uses_done) == ("expired", 0)
    assert scan(till, voucher).result == "expired"
    assert broken() == {}
