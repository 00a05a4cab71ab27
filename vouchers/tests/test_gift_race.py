"""People at one link at the same instant, each in a process of its own."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import pytest
from django.utils import timezone

from accounts.models import User
from coupon_site.models import StateChange
from orders.models import Order
from orders.services import refund_order
from tests.crowd import Crowd, meet
from vouchers.codes import new_code
from vouchers.links import token_of
from vouchers.models import Gift, GiftState, Voucher, VoucherState
from vouchers.queries import gift_of_token
from vouchers.services import claim_gift, claiming, expire_gifts, renew_link, revoke_gift
from vouchers.tests.conftest import Books
from vouchers.tests.factories import new_gift

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


@pytest.fixture
def gift(user: User) -> Gift:
    return new_gift(user)


@pytest.fixture
def pair(make_user: Callable[..., User]) -> list[User]:
    return [make_user(), make_user()]


# --- In the processes -----------------------------------------------------------------------------------------------
def claim(*, token: str, claimer: int | None = None, at: datetime | None = None) -> str:
    by = User.objects.get(pk=claimer) if claimer else None
    return claim_gift(token=token, claimer=by, at=at or timezone.now()).state


def revoke(*, gift: int) -> str:
    return revoke_gift(gift=Gift.objects.with_voucher().get(pk=gift), at=timezone.now()).state


def renew(*, gift: int) -> str:
    renew_link(gift=Gift.objects.get(pk=gift))
    return "renewed"


def expire(*, at: datetime) -> int:
    return expire_gifts(at=at)


def refund(*, order: int) -> str:
    refund_order(order=Order.objects.get(pk=order))
    return "refunded"


def unguarded_claims() -> None:
    """Read, decide, write: no condition, no table of moves, and all read first."""

    def take(gift: Gift, *, claimer: User | None, at: datetime) -> bool:
        waits = Gift.objects.get(pk=gift.pk).state == GiftState.SENT
        meet()
        Gift.objects.filter(pk=gift.pk).update(state=GiftState.CLAIMED, claimed_by=claimer, claimed_at=at)
        gift.state = GiftState.CLAIMED
        return waits

    def hand_over(gift: Gift, *, claimer: User | None) -> None:
        Voucher.objects.filter(pk=gift.voucher_id).update(state=VoucherState.ACTIVE, owner=claimer, code=new_code())

    claiming.take = take
    claiming.hand_over = hand_over


def read_together() -> None:
    """The guard stays; all see a gift that waits before the first takes it."""

    def read(token: str) -> Gift | None:
        found = gift_of_token(token)
        meet()
        return found

    claiming.gift_of_token = read


# --------------------------------------------------------------------------------------------------------------------
def claims(gift: Gift, claimers: Sequence[User | None]) -> list[partial[str]]:
    token = token_of(gift.seed)
    return [partial(claim, token=token, claimer=claimer.pk if claimer else None) for claimer in claimers]


def test_without_the_guard__both_have_it(crowd: Crowd, gift: Gift, pair: list[User]) -> None:
    """The control: if this fails, the next test proves nothing."""
    assert crowd.at_once(*claims(gift, pair), unguard=unguarded_claims) == ["claimed", "claimed"]


def test_with_the_guard__one_wins(crowd: Crowd, user: User, pair: list[User], broken: Books) -> None:
    for _ in range(ROUNDS):
        gift = new_gift(user)

        answers = crowd.at_once(*claims(gift, pair))

        winner = pair[answers.index("claimed")]
        gift.refresh_from_db()
        assert sorted(answers) == ["claimed", "gift_already_claimed"]
        assert gift.claimed_by == gift.voucher.owner == winner
        assert StateChange.objects.filter(object_id=gift.public_id, to_state="claimed").count() == 1
    assert broken() == {}


def test_both_saw_a_gift_that_waits__still_one_wins(crowd: Crowd, gift: Gift, pair: list[User], broken: Books) -> None:
    answers = crowd.at_once(*claims(gift, pair), unguard=read_together)

    assert sorted(answers) == ["claimed", "gift_already_claimed"]
    assert broken() == {}


def test_crowd_without_accounts__one_wins(crowd: Crowd, gift: Gift, broken: Books) -> None:
    answers = crowd.at_once(*claims(gift, [None] * 8))

    assert Counter(answers) == {"claimed": 1, "gift_already_claimed": 7}
    assert Voucher.objects.get().owner is None
    assert broken() == {}


def test_claim_and_taking_back_at_once__one_of_them_wins(crowd: Crowd, user: User, broken: Books) -> None:
    for _ in range(ROUNDS):
        gift = new_gift(user)

        answers = crowd.at_once(*claims(gift, [None]), partial(revoke, gift=gift.pk))

        assert answers in (["claimed", "illegal_transition"], ["gift_revoked", "returned"])
    assert broken() == {}


def test_claim_and_the_sweep_at_once__one_of_them_wins(crowd: Crowd, user: User, broken: Books) -> None:
    for _ in range(ROUNDS):
        gift = new_gift(user)

        answers = crowd.at_once(*claims(gift, [None]), partial(expire, at=gift.expires_at))

        assert answers in (["claimed", 0], ["gift_expired", 1])
    assert broken() == {}


def test_claim_and_a_new_link_at_once__one_of_them_wins(crowd: Crowd, user: User, broken: Books) -> None:
    for _ in range(ROUNDS):
        gift = new_gift(user)

        answers = crowd.at_once(*claims(gift, [None]), partial(renew, gift=gift.pk))

        assert answers in (["claimed", "illegal_transition"], ["gift_unknown", "renewed"])
    assert broken() == {}


def test_claim_and_refund_at_once__keep_the_books(crowd: Crowd, user: User, broken: Books) -> None:
    for _ in range(ROUNDS):
        gift = new_gift(user)

        claimed, refunded = crowd.at_once(*claims(gift, [None]), partial(refund, order=gift.voucher.line.order_id))

        gift.voucher.refresh_from_db()
        assert (refunded, gift.voucher.state) == ("refunded", "cancelled")
        assert claimed in {"claimed", "gift_revoked"}
    assert broken() == {}
