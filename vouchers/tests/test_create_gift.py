from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import User
from coupon_site.errors import IllegalTransition
from coupon_site.identifiers import uuid7
from coupon_site.models import StateChange
from events.models import OutboxEvent, OutboxMessage
from orders.errors import NotGiftable
from orders.gifts import GiftMode
from orders.models import GiftPolicy
from orders.tests.factories import new_merchant
from vouchers.links import hash_of, token_of
from vouchers.models import Gift, GiftState, Voucher, VoucherState
from vouchers.services import create_gift, renew_link
from vouchers.tests.conftest import Books
from vouchers.tests.factories import accepted, claim, new_gift, new_till, new_voucher, new_wish, scan

pytestmark = pytest.mark.django_db


def history(gift: Gift) -> list[str]:
    return list(StateChange.objects.filter(object_id=gift.public_id).order_by("id").values_list("to_state", flat=True))


def test_link__is_sent_at_once_and_locks_the_voucher(user: User, voucher: Voucher, broken: Books) -> None:
    gift = new_gift(user, voucher=voucher, message="Enjoy!")

    voucher.refresh_from_db()
    change = StateChange.objects.get(object_id=voucher.public_id)
    event = OutboxEvent.objects.get(event_type="gift.sent")
    assert (gift.state, gift.message, history(gift)) == ("sent", "Enjoy!", ["sent"])
    assert (voucher.state, voucher.owner) == ("gift_locked", user)
    assert (change.from_state, change.to_state, change.actor) == ("active", "gift_locked", user)
    assert set(event.audience) == {f"user:{user.public_id}", "perm:orders.view_order"}
    assert scan(new_till(voucher.merchant), voucher).result == "gift_locked"
    assert broken() == {}


def test_token__is_kept_as_a_hash_only(user: User) -> None:
    gift = new_gift(user)

    token = token_of(gift.seed)
    assert Gift.objects.get().token_hash == hash_of(token)
    assert len(token) == 43
    assert token not in str(Gift.objects.values().get())


def test_email__waits_for_its_mail(user: User) -> None:
    gift = new_gift(user, mode=GiftMode.EMAIL)

    assert (gift.state, history(gift)) == ("scheduled", ["scheduled"])
    assert OutboxMessage.objects.get(handler__endswith="mail_gift").payload == {
        "gift": str(gift.public_id),
        "again": False,
    }


def test_later_date__waits_without_a_message(user: User) -> None:
    gift = new_gift(user, mode=GiftMode.DATE, recipient_email="ada@example.com")

    assert gift.state == "scheduled"
    assert not OutboxMessage.objects.filter(handler__endswith="mail_gift").exists()
    assert OutboxEvent.objects.filter(event_type="gift.scheduled").count() == 1


def test_time_to_open__ends_with_a_day_in_the_merchants_zone(user: User, settings) -> None:
    settings.GIFT_CLAIM_DAYS = 10
    voucher = new_voucher(user, merchant=new_merchant(timezone="Pacific/Auckland"))
    at = datetime(2026, 6, 1, 13, tzinfo=UTC)  # the second there, at one in the morning

    gift = new_gift(user, voucher=voucher, at=at)

    assert gift.expires_at == datetime(2026, 6, 12, 12, tzinfo=UTC)
    assert gift.last_date.isoformat() == "2026-06-12"


def test_voucher_that_ends_sooner__ends_its_gift(user: User, settings) -> None:
    settings.GIFT_CLAIM_DAYS = 10_000
    voucher = new_voucher(user)

    assert new_gift(user, voucher=voucher).expires_at == voucher.expires_at


@pytest.mark.parametrize("state", sorted(set(VoucherState) - {VoucherState.ACTIVE, VoucherState.ISSUED}))
def test_any_other_state__is_refused_and_nothing_changes(user: User, state: VoucherState) -> None:
    voucher = new_voucher(user, state=state)

    with pytest.raises(IllegalTransition):
        new_gift(user, voucher=voucher)

    voucher.refresh_from_db()
    assert voucher.state == state
    assert not Gift.objects.exists()


def test_given_twice__is_refused_by_the_state_and_by_the_database(user: User, voucher: Voucher) -> None:
    gift = new_gift(user, voucher=voucher)

    with pytest.raises(IllegalTransition):
        new_gift(user, voucher=voucher)

    gift.pk, gift.public_id, gift.token_hash = None, uuid7(), "another"
    gift._state.adding = True
    with pytest.raises(IntegrityError, match="vouchers_gift_one_open"), transaction.atomic():
        gift.save(force_insert=True)


def test_offer_for_the_buyer_only__is_refused(user: User) -> None:
    voucher = new_voucher(user, gift_policy=GiftPolicy.FORBIDDEN)

    with pytest.raises(NotGiftable, match="for the buyer only"):
        new_gift(user, voucher=voucher)


def test_day_after_the_vouchers_last__is_refused(user: User, voucher: Voucher) -> None:
    with pytest.raises(NotGiftable, match="expired by then"):
        new_gift(user, voucher=voucher, mode=GiftMode.DATE, deliver_at=voucher.expires_at)


def test_voucher_in_use__is_refused_and_stays_usable(user: User) -> None:
    voucher = new_voucher(user, uses_per_voucher=2)
    till = new_till(voucher.merchant)
    accepted(till, voucher)

    with pytest.raises(NotGiftable):
        new_gift(user, voucher=voucher)

    assert scan(till, voucher).result == "ok"


def test_voucher_that_is_somebody_elses_by_now__is_refused(user: User, make_user, voucher: Voucher) -> None:
    claim(new_gift(user, voucher=Voucher.objects.get()), claimer=make_user())
    voucher.refresh_from_db(fields=["state"])  # the owner is what the giver's page still says

    with pytest.raises(NotGiftable):
        create_gift(voucher=voucher, giver=user, wish=new_wish(), at=timezone.now())

    assert Gift.objects.count() == 1


def test_gift__is_counted_with_its_worth(
    user: User, voucher: Voucher, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    labels = {"mode": "link", "theme": "wedding"}
    before = REGISTRY.get_sample_value("gifts_created_total", labels) or 0
    worth = REGISTRY.get_sample_value("gift_value_usd_sum") or 0

    with django_capture_on_commit_callbacks(execute=True):
        new_gift(user, voucher=voucher, theme="wedding")

    assert REGISTRY.get_sample_value("gifts_created_total", labels) == before + 1
    assert REGISTRY.get_sample_value("gift_value_usd_sum") == pytest.approx(worth + 63.5)


# --- a new link ---


def test_new_link__replaces_the_old_one(user: User) -> None:
    gift = new_gift(user)
    old = token_of(gift.seed)

    link = renew_link(gift=gift)

    gift.refresh_from_db()
    assert link.endswith(f"/gifts/{token_of(gift.seed)}")
    assert token_of(gift.seed) != old
    assert gift.token_hash == hash_of(token_of(gift.seed))


def test_link_of_a_later_date__can_be_had_before(user: User) -> None:
    gift = new_gift(user, mode=GiftMode.DATE)

    assert renew_link(gift=gift)


@pytest.mark.parametrize("state", sorted(set(GiftState) - {GiftState.SENT, GiftState.SCHEDULED}))
def test_gift_that_nobody_can_open__has_no_link(user: User, state: GiftState) -> None:
    gift = new_gift(user)
    claimed = timezone.now() if state == GiftState.CLAIMED else None
    Gift.objects.update(state=state, claimed_at=claimed)

    with pytest.raises(IllegalTransition):
        renew_link(gift=gift)


def test_mail_on_its_way__has_no_link_to_pass_on(user: User) -> None:
    gift = new_gift(user, mode=GiftMode.EMAIL)

    with pytest.raises(IllegalTransition):
        renew_link(gift=gift)


def test_opening__is_counted_in_days_of_grace(user: User) -> None:
    gift = new_gift(user, at=timezone.now() - timedelta(days=2))

    assert gift.expires_at > timezone.now() + timedelta(days=87)
