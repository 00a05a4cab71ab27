from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxEvent
from payments.tests.races import at_once
from vouchers import handlers
from vouchers.models import RefusedScan, ScannerDevice, Voucher, VoucherState
from vouchers.services import expire_vouchers, forget_refusals
from vouchers.tests.factories import new_voucher, new_vouchers, scan

pytestmark = pytest.mark.django_db


def test_last_day_over__is_expired_and_announced(user: User, voucher: Voucher) -> None:
    assert expire_vouchers(at=voucher.expires_at) == 1

    voucher.refresh_from_db()
    change = StateChange.objects.get(object_id=voucher.public_id)
    event = OutboxEvent.objects.get(event_type="voucher.expired")
    assert voucher.state == "expired"
    assert (change.from_state, change.to_state, change.actor) == ("active", "expired", None)
    assert event.aggregate_id == str(voucher.public_id)
    assert set(event.audience) == {f"user:{user.public_id}", "perm:orders.view_order"}


def test_last_day_not_over__stays(voucher: Voucher) -> None:
    assert expire_vouchers(at=voucher.expires_at - timedelta(microseconds=1)) == 0

    voucher.refresh_from_db()
    assert voucher.state == "active"


@pytest.mark.parametrize(
    "state", [VoucherState.REDEEMED, VoucherState.EXPIRED, VoucherState.CANCELLED, VoucherState.GIFT_LOCKED]
)
def test_voucher_that_has_ended_or_ends_with_its_gift__stays_what_it_is(user: User, state: VoucherState) -> None:
    voucher = new_voucher(user, state=state)

    assert expire_vouchers(at=voucher.expires_at + timedelta(days=1)) == 0

    voucher.refresh_from_db()
    assert voucher.state == state
    assert not OutboxEvent.objects.filter(event_type="voucher.expired").exists()


def test_more_than_the_limit__the_oldest_go_first(user: User) -> None:
    vouchers = new_vouchers(user, quantity=3)
    for days, voucher in zip([2, 0, 1], vouchers, strict=True):
        Voucher.objects.filter(pk=voucher.pk).update(expires_at=voucher.expires_at + timedelta(days=days))

    assert expire_vouchers(at=timezone.now() + timedelta(days=999), limit=2) == 2

    assert [each.state for each in Voucher.objects.order_by("id")] == ["active", "expired", "expired"]


@pytest.mark.django_db(transaction=True)
def test_voucher_in_other_hands__waits_for_the_next_time(user: User) -> None:
    held, free = new_vouchers(user, quantity=2)

    with transaction.atomic():
        Voucher.objects.select_for_update().get(pk=held.pk)
        [expired] = at_once([lambda: expire_vouchers(at=free.expires_at)])

    assert expired == 1
    assert [each.state for each in Voucher.objects.order_by("id")] == ["active", "expired"]


def test_sweep__expires_what_is_over_by_now(voucher: Voucher) -> None:
    assert handlers.expire_vouchers() == 0
    Voucher.objects.update(expires_at=timezone.now())

    assert handlers.expire_vouchers() == 1


def test_old_refusals__are_forgotten_and_young_ones_kept(till: ScannerDevice, voucher: Voucher) -> None:
    now, early = timezone.now(), voucher.valid_from - timedelta(hours=1)
    for nonce in ("old", "older", "young"):
        scan(till, voucher, nonce=nonce, at=early)
    RefusedScan.objects.exclude(nonce="young").update(created_at=now - timedelta(days=31))

    assert forget_refusals(before=now - timedelta(days=30), limit=1) == 1
    assert handlers.forget_refusals() == 1

    assert RefusedScan.objects.get().nonce == "young"
