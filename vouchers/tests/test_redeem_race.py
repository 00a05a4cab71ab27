"""Tills at the same instant, each in a process of its own."""

from collections import Counter
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from orders.services import refund_order
from tests.crowd import Crowd, meet
from vouchers import queries
from vouchers.models import Redemption, RefusedScan, ScannerDevice, Voucher
from vouchers.queries import ScanAnswer
from vouchers.services import redeem_voucher, scanning, void_redemption
from vouchers.tests.conftest import Books
from vouchers.tests.factories import accepted, new_till, new_voucher

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


@pytest.fixture
def tills(voucher: Voucher) -> list[ScannerDevice]:
    return [new_till(voucher.merchant) for _ in range(2)]


# --- In the processes -----------------------------------------------------------------------------------------------
def scan(*, device: int, code: str, nonce: str = "") -> str:
    """Redeem, as an attempt of its own unless a nonce is given."""
    till = ScannerDevice.objects.select_related("merchant").get(pk=device)
    answer = redeem_voucher(device=till, code=code, nonce=nonce or uuid4().hex, at=timezone.now())
    return answer.result.value


def void(*, use: int, device: int) -> str:
    till = ScannerDevice.objects.get(pk=device)
    void_redemption(redemption=Redemption.objects.get(pk=use), device=till, at=timezone.now())
    return "voided"


def refund(*, order: int) -> str:
    refund_order(order=Order.objects.get(pk=order))
    return "refunded"


def unguarded_uses() -> None:
    """Read, decide, write back what was read plus one: no condition, no table of moves, and all read first."""

    def count_use(voucher: Voucher, *, at: datetime) -> bool:
        read = Voucher.objects.get(pk=voucher.pk)
        meet()
        return Voucher.objects.filter(pk=voucher.pk).update(uses_done=read.uses_done + 1) == 1

    def finish_when_full(voucher: Voucher) -> None:
        Voucher.objects.filter(pk=voucher.pk, uses_done__gte=F("uses_total")).update(state="redeemed")

    scanning.count_use = count_use
    scanning.finish_when_full = finish_when_full


def unguarded_nonce() -> None:
    """Nobody waits for an earlier try of the same attempt, and each try is kept under a name of its own."""
    use = scanning.use

    def use_again(*, nonce: str, **rest: Any) -> ScanAnswer:
        return use(nonce=f"{nonce} {uuid4().hex}", **rest)

    scanning.take_turn = lambda device: None
    scanning.answer_given = lambda **attempt: meet()
    scanning.use = use_again


def reading_together() -> None:
    """Nobody goes on before all have found the voucher good."""

    def read(code: str) -> Voucher | None:
        found = queries.voucher_of_code(code)
        meet()
        return found

    scanning.voucher_of_code = read


# --- The last use ---------------------------------------------------------------------------------------------------
def scans_of(voucher: Voucher, *tills: ScannerDevice, nonce: str = "") -> list[partial[str]]:
    return [partial(scan, device=till.pk, code=voucher.code, nonce=nonce) for till in tills]


def test_without_the_guard__the_race_is_real(
    crowd: Crowd, voucher: Voucher, tills: list[ScannerDevice], broken: Books
) -> None:
    """The control: if this fails, the next test proves nothing."""
    assert crowd.at_once(*scans_of(voucher, *tills), unguard=unguarded_uses) == ["ok", "ok"]

    assert Redemption.objects.count() == 2
    assert broken() == {"voucher_uses_that_differ": 1}


def test_with_the_guard__one_till_wins(crowd: Crowd, user: User, broken: Books) -> None:
    for _ in range(ROUNDS):
        voucher = new_voucher(user)
        tills = [new_till(voucher.merchant) for _ in range(3)]

        answers = crowd.at_once(*scans_of(voucher, *tills))

        assert Counter(answers) == {"ok": 1, "already_redeemed": 2}
        voucher.refresh_from_db()
        assert (voucher.state, voucher.uses_done) == ("redeemed", 1)
        assert voucher.redemptions.count() == 1
        assert RefusedScan.objects.filter(voucher=voucher).count() == 2
    assert broken() == {}


def test_both_saw_a_good_voucher__still_one_till_wins(
    crowd: Crowd, voucher: Voucher, tills: list[ScannerDevice], broken: Books
) -> None:
    answers = crowd.at_once(*scans_of(voucher, *tills), unguard=reading_together)

    assert Counter(answers) == {"ok": 1, "already_redeemed": 1}
    assert Redemption.objects.count() == 1
    assert broken() == {}


def test_crowd_at_a_voucher_of_three_uses__takes_three(crowd: Crowd, user: User, broken: Books) -> None:
    voucher = new_voucher(user, uses_per_voucher=3)
    tills = [new_till(voucher.merchant) for _ in range(8)]

    assert Counter(crowd.at_once(*scans_of(voucher, *tills))) == {"ok": 3, "already_redeemed": 5}

    assert broken() == {}


# --- The same attempt -----------------------------------------------------------------------------------------------
def test_without_the_nonce__an_attempt_sent_twice_takes_two_uses(crowd: Crowd, user: User) -> None:
    """The control: if this fails, the next test proves nothing."""
    voucher = new_voucher(user, uses_per_voucher=3)

    answers = crowd.at_once(*scans_of(voucher, *[new_till(voucher.merchant)] * 2, nonce="one"), unguard=unguarded_nonce)

    assert answers == ["ok", "ok"]
    assert Redemption.objects.count() == 2


def test_same_attempt_sent_several_times_at_once__is_one_use_with_one_answer(
    crowd: Crowd, user: User, broken: Books
) -> None:
    for _ in range(ROUNDS):
        voucher = new_voucher(user, uses_per_voucher=3)

        answers = crowd.at_once(*scans_of(voucher, *[new_till(voucher.merchant)] * 4, nonce="one"))

        assert answers == ["ok"] * 4
        assert voucher.redemptions.count() == 1
    assert broken() == {}


def test_attempt_sent_again_while_the_first_is_worked_on__gets_its_answer(
    crowd: Crowd, voucher: Voucher, till: ScannerDevice, broken: Books
) -> None:
    """A till that hears nothing asks again: the first stands still until the second can go no further."""
    answers = crowd.at_once(*scans_of(voucher, till, till, nonce="one"), unguard=reading_together, patience=0.3)

    assert answers == ["ok", "ok"]
    assert Redemption.objects.count() == 1
    assert broken() == {}


# --- Beside other changes -------------------------------------------------------------------------------------------
def test_scan_and_refund_at_once__one_of_them_wins(crowd: Crowd, user: User, broken: Books) -> None:
    for _ in range(ROUNDS):
        voucher = new_voucher(user)
        order = voucher.line.order

        till = new_till(voucher.merchant)
        scanned, refunded = crowd.at_once(*scans_of(voucher, till), partial(refund, order=order.pk))

        voucher.refresh_from_db()
        order.refresh_from_db()
        assert (scanned, refunded, voucher.state, order.state) in {
            ("ok", "vouchers_used", "redeemed", "fulfilled"),
            ("cancelled", "refunded", "cancelled", "refunded"),
        }
    assert broken() == {}


def test_scan_and_taking_back_at_once__keep_the_books(
    crowd: Crowd, voucher: Voucher, till: ScannerDevice, broken: Books
) -> None:
    use = accepted(till, voucher)

    taken_back = partial(void, use=use.pk, device=till.pk)
    scanned, voided = crowd.at_once(*scans_of(voucher, new_till(voucher.merchant)), taken_back)

    voucher.refresh_from_db()
    assert voided == "voided"
    assert (scanned, voucher.uses_done) in {("ok", 1), ("already_redeemed", 0)}
    assert broken() == {}
