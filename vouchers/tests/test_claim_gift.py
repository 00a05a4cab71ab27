from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxEvent
from orders.gifts import GiftMode
from vouchers.errors import GiftAlreadyClaimed, GiftCalledOff, GiftNotReady, GiftOver, GiftUnknown
from vouchers.links import page_token, token_of, voucher_of_link
from vouchers.models import Gift, Voucher
from vouchers.services import claim_gift, deliver_due, expire_gifts, renew_link, revoke_gift
from vouchers.tests.conftest import Books
from vouchers.tests.factories import accepted, claim, new_gift, new_till, scan

pytestmark = pytest.mark.django_db


def test_signed_in__has_the_voucher_under_a_new_code(user: User, make_user, voucher: Voucher, broken: Books) -> None:
    receiver, old_page = make_user(), page_token(voucher)
    gift = new_gift(user, voucher=voucher)
    at = timezone.now()

    claimed = claim(gift, claimer=receiver, at=at)

    now = Voucher.objects.get()
    change = StateChange.objects.filter(object_id=gift.public_id).last()
    event = OutboxEvent.objects.get(event_type="gift.claimed")
    assert (claimed.state, claimed.claimed_by, claimed.claimed_at) == ("claimed", receiver, at)
    assert (now.state, now.owner) == ("active", receiver)
    assert (change.from_state, change.to_state, change.actor) == ("sent", "claimed", receiver)
    assert f"user:{receiver.public_id}" not in event.audience
    assert f"user:{user.public_id}" in event.audience
    till = new_till(voucher.merchant)
    assert scan(till, voucher).result == "unknown"  # what the giver may have noted
    assert voucher_of_link(old_page) is None
    assert scan(till, now).result == "ok"
    assert broken() == {}


def test_without_an_account__belongs_to_whoever_has_the_page(user: User, broken: Books) -> None:
    claimed = claim(new_gift(user))

    voucher = Voucher.objects.get()
    assert (voucher.state, voucher.owner, claimed.claimed_by) == ("active", None, None)
    assert voucher_of_link(page_token(voucher)) == voucher
    accepted(new_till(voucher.merchant), voucher)
    used = OutboxEvent.objects.get(event_type="voucher.redeemed")
    assert used.audience == ["perm:orders.view_order"]
    assert broken() == {}


def test_second_time__is_refused_and_nothing_changes(user: User, make_user) -> None:
    gift = new_gift(user)
    claim(gift)
    code = Voucher.objects.get().code

    with pytest.raises(GiftAlreadyClaimed):
        claim(gift, claimer=make_user())

    voucher = Voucher.objects.get()
    assert (voucher.code, voucher.owner) == (code, None)
    assert OutboxEvent.objects.filter(event_type="gift.claimed").count() == 1


def test_before_its_day__is_refused_and_on_it_opens(user: User) -> None:
    gift = new_gift(user, mode=GiftMode.DATE)

    with pytest.raises(GiftNotReady):
        claim(gift)

    assert deliver_due(at=gift.deliver_at) == 1
    assert claim(gift, at=gift.deliver_at).state == "claimed"


def test_taken_back__is_refused(user: User) -> None:
    gift = new_gift(user)
    revoke_gift(gift=gift, at=timezone.now())

    with pytest.raises(GiftCalledOff):
        claim(gift)

    assert Voucher.objects.get().owner == user


@pytest.mark.parametrize("swept", [True, False])
def test_too_late__is_refused_whether_the_sweep_came_by_or_not(user: User, swept: bool) -> None:
    gift = new_gift(user)
    if swept:
        expire_gifts(at=gift.expires_at)

    with pytest.raises(GiftOver):
        claim(gift, at=gift.expires_at)

    assert Voucher.objects.get().owner == user


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "\x00", "é", "' OR 1=1 --"])
def test_text_that_is_no_token__is_unknown(user: User, token: str) -> None:
    new_gift(user)

    with pytest.raises(GiftUnknown):
        claim_gift(token=token, claimer=None, at=timezone.now())


def test_link_that_was_renewed__is_unknown_and_the_new_one_opens(user: User) -> None:
    gift = new_gift(user)
    old = token_of(gift.seed)
    renew_link(gift=gift)

    with pytest.raises(GiftUnknown):
        claim_gift(token=old, claimer=None, at=timezone.now())

    assert claim(gift).state == "claimed"


def test_receiver__may_give_it_on(user: User, make_user, broken: Books) -> None:
    first, second = make_user(), make_user()
    claim(new_gift(user), claimer=first)
    voucher = Voucher.objects.select_related("offer", "merchant").get()

    claim(new_gift(first, voucher=voucher), claimer=second)

    assert Voucher.objects.get().owner == second
    assert Gift.objects.filter(state="claimed").count() == 2
    assert broken() == {}


def test_claim__is_counted_with_the_time_it_took(
    user: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    at = timezone.now()
    gift = new_gift(user, at=at)
    before = REGISTRY.get_sample_value("gifts_claimed_total", {"mode": "link"}) or 0
    seconds = REGISTRY.get_sample_value("gift_claim_duration_seconds_sum") or 0

    with django_capture_on_commit_callbacks(execute=True):
        claim(gift, at=at + timedelta(seconds=90))

    assert REGISTRY.get_sample_value("gifts_claimed_total", {"mode": "link"}) == before + 1
    assert REGISTRY.get_sample_value("gift_claim_duration_seconds_sum") == pytest.approx(seconds + 90)
