"""Two people at one link, on real connections."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from coupon_site.models import StateChange
from orders.services import refund_order
from payments.tests.races import at_once
from vouchers.codes import new_code
from vouchers.models import Gift, GiftState, Voucher, VoucherState
from vouchers.queries import gift_of_token
from vouchers.services import claiming, expire_gifts, renew_link, revoke_gift
from vouchers.tests.conftest import Books
from vouchers.tests.factories import claim, new_gift

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gift(user: User) -> Gift:
    return new_gift(user)


@pytest.fixture
def pair(make_user) -> list[User]:
    return [make_user(), make_user()]


@pytest.fixture
def unguarded_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read, decide, write: no condition, no table of moves, and both read first."""
    both_have_read = Barrier(2, timeout=10)

    def take(gift: Gift, *, claimer: User | None, at: datetime) -> bool:
        waits = Gift.objects.get(pk=gift.pk).state == GiftState.SENT
        both_have_read.wait()
        Gift.objects.filter(pk=gift.pk).update(state=GiftState.CLAIMED, claimed_by=claimer, claimed_at=at)
        gift.state = GiftState.CLAIMED
        return waits

    def hand_over(gift: Gift, *, claimer: User | None) -> None:
        Voucher.objects.filter(pk=gift.voucher_id).update(state=VoucherState.ACTIVE, owner=claimer, code=new_code())

    monkeypatch.setattr(claiming, "take", take)
    monkeypatch.setattr(claiming, "hand_over", hand_over)


def outcomes(answers: Sequence[Any]) -> Counter[str]:
    return Counter(
        answer.state if isinstance(answer, Gift) else getattr(answer, "code", repr(answer)) for answer in answers
    )


def claim_at_once(gift: Gift, claimers: Sequence[User | None]) -> Counter[str]:
    return outcomes(at_once([lambda claimer=claimer: claim(gift, claimer=claimer) for claimer in claimers]))


def test_without_the_guard__both_win(gift: Gift, pair: list[User], unguarded_claims: None) -> None:
    """The control: if this fails, the next test proves nothing."""
    assert claim_at_once(gift, pair) == {"claimed": 2}


def test_with_the_guard__one_wins(gift: Gift, pair: list[User], broken: Books) -> None:
    assert claim_at_once(gift, pair) == {"claimed": 1, "gift_already_claimed": 1}

    voucher = Voucher.objects.get()
    assert voucher.owner == Gift.objects.get().claimed_by
    assert voucher.owner in pair
    assert StateChange.objects.filter(to_state="claimed").count() == 1
    assert broken() == {}


def test_both_saw_a_gift_that_waits__still_one_wins(
    gift: Gift, pair: list[User], monkeypatch: pytest.MonkeyPatch, broken: Books
) -> None:
    both_have_read = Barrier(2, timeout=10)

    def read_together(token: str) -> Gift | None:
        found = gift_of_token(token)
        both_have_read.wait()
        return found

    monkeypatch.setattr(claiming, "gift_of_token", read_together)

    assert claim_at_once(gift, pair) == {"claimed": 1, "gift_already_claimed": 1}

    assert broken() == {}


def test_crowd_without_accounts__one_wins(gift: Gift, broken: Books) -> None:
    assert claim_at_once(gift, [None] * 8) == {"claimed": 1, "gift_already_claimed": 7}

    assert Voucher.objects.get().owner is None
    assert broken() == {}


def test_claim_and_taking_back_at_once__one_of_them_wins(gift: Gift, broken: Books) -> None:
    answers = outcomes(at_once([lambda: claim(gift), lambda: revoke_gift(gift=gift_again(gift), at=timezone.now())]))

    assert answers in ({"claimed": 1, "illegal_transition": 1}, {"returned": 1, "gift_revoked": 1})
    assert broken() == {}


def test_claim_and_the_sweep_at_once__one_of_them_wins(gift: Gift, broken: Books) -> None:
    in_time = gift.expires_at.replace(year=gift.expires_at.year - 1)

    claimed, expired = at_once([lambda: claim(gift, at=in_time), lambda: expire_gifts(at=gift.expires_at)])

    assert (outcomes([claimed]).popitem()[0], expired) in {("claimed", 0), ("gift_expired", 1)}
    assert broken() == {}


def test_claim_and_a_new_link_at_once__leave_one_that_opens_or_none(gift: Gift, broken: Books) -> None:
    claimed, link = at_once([lambda: claim(gift), lambda: renew_link(gift=gift_again(gift))])

    first = isinstance(claimed, Gift)
    assert first != isinstance(link, str)
    assert Gift.objects.get().state == ("claimed" if first else "sent")
    assert broken() == {}


def test_claim_and_refund_at_once__keep_the_books(gift: Gift, broken: Books) -> None:
    order = gift.voucher.line.order

    claimed, refund = at_once([lambda: claim(gift), lambda: refund_order(order=order)])

    assert not isinstance(refund, Exception), refund
    assert outcomes([claimed]).popitem()[0] in {"claimed", "gift_revoked"}
    assert Voucher.objects.get().state == "cancelled"
    assert broken() == {}


def gift_again(gift: Gift) -> Gift:
    return Gift.objects.with_voucher().get(pk=gift.pk)
