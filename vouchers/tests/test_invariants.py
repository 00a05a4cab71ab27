"""Each invariant finds the row that breaks it, and nothing else; figures count what they say."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from events.models import OutboxMessage
from orders.gifts import GiftMode
from orders.models import Order
from orders.services import refund_order
from vouchers.models import Gift, Redemption, Voucher
from vouchers.queries import tickets_active_total
from vouchers.services import revoke_gift, void_redemption
from vouchers.tests.conftest import Books
from vouchers.tests.factories import accepted, claim, new_gift, new_paid_order, new_till, new_voucher, new_vouchers

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def busy(user: User) -> Voucher:
    """Vouchers in several states; one with one of two uses taken and another taken back."""
    refund_order(order=new_voucher(user).line.order)
    used = new_voucher(user)
    accepted(new_till(used.merchant), used)
    voucher = new_voucher(user, uses_per_voucher=2)
    till = new_till(voucher.merchant)
    accepted(till, voucher)
    void_redemption(redemption=accepted(till, voucher), at=timezone.now())
    return voucher


def test_busy_shop__breaks_nothing(busy: Voucher, broken: Books) -> None:
    assert broken() == {}


def test_unit_without_voucher__is_found(busy: Voucher, user: User, broken: Books) -> None:
    Voucher.objects.filter(pk=new_vouchers(user, quantity=2)[0].pk).delete()

    assert broken() == {"sold_lines_with_wrong_vouchers": 1}


def test_voucher_of_no_unit__is_found(busy: Voucher, broken: Books) -> None:
    Voucher.objects.filter(pk=busy.pk).update(unit_no=1)

    assert broken() == {"sold_lines_with_wrong_vouchers": 1}


@pytest.fixture
def waiting(busy: Voucher, user: User) -> OutboxMessage:
    """A paid order's message to the worker."""
    order = new_paid_order(user, busy.line.sale)
    return OutboxMessage.objects.get(topic="vouchers", payload__order=str(order.public_id))


def change(message: OutboxMessage, **fields: object) -> None:
    OutboxMessage.objects.filter(pk=message.pk).update(**fields)


def test_paid_order_that_waits__is_found_after_a_while(waiting: OutboxMessage, broken: Books) -> None:
    waiting.delete()
    assert broken() == {}

    Order.objects.filter(state="paid").update(paid_at=timezone.now() - timedelta(minutes=6))

    assert broken() == {"paid_orders_without_vouchers": 1}


@pytest.mark.parametrize("state", ["pending", "leased"])
def test_paid_order_whose_message_waits_for_a_busy_worker__is_late_and_not_broken(
    waiting: OutboxMessage, broken: Books, state: str
) -> None:
    Order.objects.filter(state="paid").update(paid_at=timezone.now() - timedelta(minutes=6))

    change(waiting, state=state)

    assert broken() == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"attempts": 1},
        {"state": "dead", "finished_at": LONG_AGO},
        {"state": "delivered", "finished_at": LONG_AGO},
        {"event": "order.fulfilled"},
        {"topic": "cashback"},
        {"payload": {"order": "00000000-0000-0000-0000-000000000000"}},
    ],
    ids=str,
)
def test_paid_order_whose_message_does_not_wait_for_its_first_try__is_found(
    waiting: OutboxMessage, broken: Books, fields: dict[str, object]
) -> None:
    Order.objects.filter(state="paid").update(paid_at=timezone.now() - timedelta(minutes=6))

    change(waiting, **fields)

    assert broken() == {"paid_orders_without_vouchers": 1}


def test_counter_that_is_not_the_uses__is_found(busy: Voucher, broken: Books) -> None:
    Voucher.objects.filter(pk=busy.pk).update(uses_done=0)

    assert broken() == {"voucher_uses_that_differ": 1}


def test_use_that_was_not_counted__is_found(busy: Voucher, broken: Books) -> None:
    Redemption.objects.create(
        voucher=busy, merchant=busy.merchant, device=new_till(), nonce="x", created_at=timezone.now()
    )

    assert broken() == {"voucher_uses_that_differ": 1}


@pytest.mark.parametrize(("now", "then"), [("active", "redeemed"), ("redeemed", "active")])
def test_state_that_its_uses_deny__is_found(busy: Voucher, broken: Books, now: str, then: str) -> None:
    Voucher.objects.filter(state=now).update(state=then)

    assert broken() == {"vouchers_redeemed_with_uses_left": 1}


def test_good_voucher_of_a_refunded_order__is_found(busy: Voucher, broken: Books) -> None:
    Voucher.objects.filter(state="cancelled").update(state="active")

    assert broken() == {"vouchers_of_refunded_orders": 1}


def test_active_vouchers__are_those_that_can_be_used(busy: Voucher, user: User) -> None:
    assert tickets_active_total() == 1
    waits = new_voucher(user, valid_from=timezone.now() + timedelta(days=1))

    assert tickets_active_total() == 2
    Voucher.objects.filter(pk=waits.pk).update(expires_at=timezone.now())
    assert tickets_active_total() == 1


# --- gifts ---


@pytest.fixture
def given(busy: Voucher, user: User, make_user: Callable[..., User]) -> Gift:
    """Gifts in several states, and one that waits."""
    claim(new_gift(user), claimer=make_user())
    claim(new_gift(user))
    revoke_gift(gift=new_gift(user), at=timezone.now())
    new_gift(user, mode=GiftMode.DATE)
    return new_gift(user)


def test_busy_givers__break_nothing(given: Gift, broken: Books) -> None:
    assert broken() == {}


@pytest.mark.parametrize("state", ["claimed", "expired", "revoked", "returned"])
def test_locked_voucher_whose_gift_is_over__is_found(given: Gift, broken: Books, state: str) -> None:
    claimed = {"claimed_at": timezone.now(), "claimed_by": given.giver} if state == "claimed" else {}
    Gift.objects.filter(pk=given.pk).update(state=state, **claimed)

    assert broken() == {"voucher_locks_without_gift": 1}


def test_open_gift_of_a_usable_voucher__is_found(given: Gift, broken: Books) -> None:
    Voucher.objects.filter(pk=given.voucher_id).update(state="active")

    assert broken() == {"voucher_locks_without_gift": 1}


def test_locked_voucher_of_another_giver__is_found(given: Gift, make_user: Callable[..., User], broken: Books) -> None:
    Gift.objects.filter(pk=given.pk).update(giver=make_user())

    assert broken() == {"voucher_locks_without_gift": 2}


@pytest.mark.parametrize("owned", [True, False])
def test_opened_gift_that_its_receiver_does_not_own__is_found(given: Gift, broken: Books, owned: bool) -> None:
    opened = Gift.objects.filter(state="claimed", claimed_by__isnull=not owned).get()
    Voucher.objects.filter(pk=opened.voucher_id).update(owner=given.giver)

    assert broken() == {"gift_claims_without_owner": 1}


def test_gift_that_no_sweep_has_ended__is_found_after_a_while(given: Gift, broken: Books) -> None:
    Gift.objects.filter(pk=given.pk).update(expires_at=timezone.now() - timedelta(seconds=30))
    assert broken() == {}

    Gift.objects.filter(pk=given.pk).update(expires_at=timezone.now() - timedelta(minutes=6))

    assert broken() == {"gifts_overdue": 1}


def test_gift_that_no_sweep_has_sent__is_found_after_a_while_unless_its_mail_waits(given: Gift, broken: Books) -> None:
    late = timezone.now() - timedelta(minutes=6)
    Gift.objects.filter(state="scheduled").update(deliver_at=late)

    assert broken() == {"gifts_overdue": 1}
    Gift.objects.filter(state="scheduled").update(mail_queued_at=late)
    assert broken() == {}
