"""Gifts that nobody opened."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import User
from coupon_site.errors import IllegalTransition
from coupon_site.models import StateChange
from events.models import OutboxEvent
from orders.gifts import GiftMode
from payments.tests.races import at_once
from vouchers import handlers
from vouchers.models import Gift, GiftState, Voucher
from vouchers.services import expire_gifts, return_gift, revoke_gift
from vouchers.tests.conftest import Books
from vouchers.tests.factories import claim, new_gift, new_till, scan

pytestmark = pytest.mark.django_db


def moves(row: Gift | Voucher) -> list[str]:
    return list(StateChange.objects.filter(object_id=row.public_id).order_by("id").values_list("to_state", flat=True))


def test_revoked__is_back_with_the_giver(user: User, operator: User, broken: Books) -> None:
    gift = new_gift(user)
    at = timezone.now()

    revoke_gift(gift=gift, actor=operator, at=at, reason="sorry")

    voucher = Voucher.objects.get()
    change = StateChange.objects.get(to_state="revoked")
    assert (gift.state, gift.revoked_at, moves(gift)) == ("returned", at, ["sent", "revoked", "returned"])
    assert (voucher.state, voucher.owner, moves(voucher)) == ("active", user, ["gift_locked", "active"])
    assert (change.actor, change.reason) == (operator, "sorry")
    assert {"gift.revoked", "gift.returned"} <= set(OutboxEvent.objects.values_list("event_type", flat=True))
    assert scan(new_till(voucher.merchant), voucher).result == "ok"
    assert broken() == {}


@pytest.mark.parametrize("mode", [GiftMode.EMAIL, GiftMode.DATE])
def test_scheduled__can_be_revoked_too(user: User, mode: GiftMode, broken: Books) -> None:
    revoke_gift(gift=new_gift(user, mode=mode), at=timezone.now())

    assert Voucher.objects.get().state == "active"
    assert broken() == {}


def test_opened_or_back_already__is_refused_and_nothing_changes(user: User) -> None:
    opened, back = new_gift(user), new_gift(user)
    claim(opened)
    revoke_gift(gift=back, at=timezone.now())

    for gift in (opened, back):
        with pytest.raises(IllegalTransition):
            revoke_gift(gift=gift, at=timezone.now())

    assert set(Gift.objects.values_list("state", flat=True)) == {"claimed", "returned"}


def test_not_opened_in_time__is_back_with_the_giver(
    user: User, broken: Books, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    gift = new_gift(user)
    before = REGISTRY.get_sample_value("gifts_expired_total", {"mode": "link"}) or 0

    with django_capture_on_commit_callbacks(execute=True):
        assert expire_gifts(at=gift.expires_at) == 1

    gift.refresh_from_db()
    assert (gift.state, moves(gift)) == ("returned", ["sent", "expired", "returned"])
    assert Voucher.objects.get().state == "active"
    assert REGISTRY.get_sample_value("gifts_expired_total", {"mode": "link"}) == before + 1
    assert OutboxEvent.objects.filter(event_type="gift.expired").count() == 1
    assert expire_gifts(at=gift.expires_at) == 0
    assert broken() == {}


def test_in_time__stays(user: User) -> None:
    gift = new_gift(user)

    assert expire_gifts(at=gift.expires_at - timedelta(microseconds=1)) == 0


def test_voucher_over_with_its_gift__ends_and_nothing_is_returned(user: User, broken: Books) -> None:
    gift = new_gift(user)
    Gift.objects.update(expires_at=gift.voucher.expires_at)

    assert expire_gifts(at=gift.voucher.expires_at) == 1

    assert Gift.objects.get().state == "expired"
    assert Voucher.objects.get().state == "expired"
    assert OutboxEvent.objects.filter(event_type="voucher.expired").count() == 1
    assert broken() == {}


def test_mail_that_never_got_out__is_called_off_in_the_end(user: User, broken: Books) -> None:
    gift = new_gift(user, mode=GiftMode.EMAIL)

    assert expire_gifts(at=gift.expires_at) == 1

    gift.refresh_from_db()
    assert moves(gift) == ["scheduled", "revoked", "returned"]
    assert Voucher.objects.get().state == "active"
    assert broken() == {}


@pytest.mark.parametrize("state", sorted(set(GiftState) - {GiftState.EXPIRED, GiftState.REVOKED}))
def test_gift_that_has_not_ended__is_not_returned(user: User, state: GiftState) -> None:
    gift = new_gift(user)
    gift.state = state

    with pytest.raises(IllegalTransition):
        return_gift(gift=gift, at=gift.voucher.expires_at)

    assert Voucher.objects.get().state == "gift_locked"


def test_more_than_the_limit__the_oldest_go_first(user: User) -> None:
    gifts = [new_gift(user, at=timezone.now() + timedelta(days=day)) for day in (2, 0, 1)]

    assert expire_gifts(at=gifts[0].expires_at, limit=2) == 2

    assert [Gift.objects.get(pk=gift.pk).state for gift in gifts] == ["sent", "returned", "returned"]


def test_sweeps__know_what_to_do(user: User) -> None:
    late, due = new_gift(user), new_gift(user, mode=GiftMode.DATE)
    Gift.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    Gift.objects.filter(pk=due.pk).update(deliver_at=timezone.now())

    assert (handlers.expire_gifts(), handlers.deliver_gifts()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_gift_in_other_hands__waits_for_the_next_time(user: User) -> None:
    gift = new_gift(user)

    with transaction.atomic():
        Gift.objects.select_for_update().get()
        assert at_once([lambda: expire_gifts(at=gift.expires_at)]) == [0]
