"""Tills at the same instant, on real connections."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from orders.services import refund_order
from payments.tests.races import at_once
from vouchers import queries
from vouchers.models import Redemption, RefusedScan, ScannerDevice, Voucher
from vouchers.queries import ScanAnswer
from vouchers.services import scanning, void_redemption
from vouchers.tests.conftest import Books
from vouchers.tests.factories import accepted, new_till, new_voucher, scan

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tills(voucher: Voucher) -> list[ScannerDevice]:
    return [new_till(voucher.merchant) for _ in range(2)]


@pytest.fixture
def unguarded_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read, decide, write back what was read plus one: no condition, no table of moves, and both read first."""
    both_have_read = Barrier(2, timeout=10)

    def count_use(voucher: Voucher, *, at: datetime) -> bool:
        read = Voucher.objects.get(pk=voucher.pk)
        both_have_read.wait()
        return Voucher.objects.filter(pk=voucher.pk).update(uses_done=read.uses_done + 1) == 1

    def finish_when_full(voucher: Voucher) -> None:
        Voucher.objects.filter(pk=voucher.pk, uses_done__gte=F("uses_total")).update(state="redeemed")

    monkeypatch.setattr(scanning, "count_use", count_use)
    monkeypatch.setattr(scanning, "finish_when_full", finish_when_full)


def results(answers: Sequence[Any]) -> Counter[str]:
    """How often each result was answered; an error goes by its own name."""
    return Counter(
        answer.result.value if isinstance(answer, ScanAnswer) else type(answer).__name__ for answer in answers
    )


def scan_at_once(voucher: Voucher, tills: Sequence[ScannerDevice], *, nonce: str = "") -> Counter[str]:
    return results(at_once([lambda till=till: scan(till, voucher, nonce=nonce) for till in tills]))


def test_without_the_guard__the_race_is_real(
    voucher: Voucher, tills: list[ScannerDevice], unguarded_uses: None, broken: Books
) -> None:
    """The control: if this fails, the next test proves nothing."""
    assert scan_at_once(voucher, tills) == {"ok": 2}

    assert Redemption.objects.count() == 2
    assert broken() == {"voucher_uses_that_differ": 1}


def test_with_the_guard__one_till_wins(voucher: Voucher, tills: list[ScannerDevice], broken: Books) -> None:
    assert scan_at_once(voucher, tills) == {"ok": 1, "already_redeemed": 1}

    voucher.refresh_from_db()
    assert (voucher.state, voucher.uses_done) == ("redeemed", 1)
    assert Redemption.objects.count() == RefusedScan.objects.count() == 1
    assert broken() == {}


def test_both_saw_a_good_voucher__still_one_till_wins(
    voucher: Voucher, tills: list[ScannerDevice], monkeypatch: pytest.MonkeyPatch, broken: Books
) -> None:
    both_have_read = Barrier(2, timeout=10)

    def read_together(code: str) -> Voucher | None:
        found = queries.voucher_of_code(code)
        both_have_read.wait()
        return found

    monkeypatch.setattr(scanning, "voucher_of_code", read_together)

    assert scan_at_once(voucher, tills) == {"ok": 1, "already_redeemed": 1}

    assert Redemption.objects.count() == 1
    assert broken() == {}


def test_crowd_at_a_voucher_of_three_uses__takes_three(user: User, broken: Books) -> None:
    voucher = new_voucher(user, uses_per_voucher=3)
    tills = [new_till(voucher.merchant) for _ in range(8)]

    assert scan_at_once(voucher, tills) == {"ok": 3, "already_redeemed": 5}

    assert broken() == {}


def test_same_attempt_sent_several_times_at_once__is_one_use_with_one_answer(user: User, broken: Books) -> None:
    voucher = new_voucher(user, uses_per_voucher=3)

    answers = scan_at_once(voucher, [new_till(voucher.merchant)] * 4, nonce="one")

    assert answers == {"ok": 4}
    assert Redemption.objects.count() == 1
    assert broken() == {}


def test_attempt_sent_again_while_the_first_is_worked_on__gets_its_answer(
    voucher: Voucher, till: ScannerDevice, monkeypatch: pytest.MonkeyPatch, broken: Books
) -> None:
    """A till that hears nothing asks again: the first may finish anywhere between the steps of the second."""
    answers: list[ScanAnswer] = []

    def other() -> None:
        answers.append(scan(till, voucher, nonce="one"))
        connection.close()

    first = Thread(target=other)

    def meanwhile(code: str) -> Voucher | None:
        monkeypatch.setattr(scanning, "voucher_of_code", queries.voucher_of_code)
        first.start()
        first.join(timeout=1)
        return queries.voucher_of_code(code)

    monkeypatch.setattr(scanning, "voucher_of_code", meanwhile)

    answers.append(scan(till, voucher, nonce="one"))
    first.join(timeout=10)

    assert results(answers) == {"ok": 2}
    assert answers[0].redemption == answers[1].redemption
    assert Redemption.objects.count() == 1
    assert broken() == {}


def test_scan_and_refund_at_once__one_of_them_wins(voucher: Voucher, till: ScannerDevice, broken: Books) -> None:
    order = voucher.line.order

    answer, refund = at_once([lambda: scan(till, voucher), lambda: refund_order(order=order)])

    voucher.refresh_from_db()
    outcome = (results([answer]).popitem()[0], getattr(refund, "code", "refunded"), voucher.state)
    assert outcome in {("ok", "vouchers_used", "redeemed"), ("cancelled", "refunded", "cancelled")}
    assert Order.objects.get().state == ("refunded" if voucher.state == "cancelled" else "fulfilled")
    assert broken() == {}


def test_scan_and_taking_back_at_once__keep_the_books(voucher: Voucher, till: ScannerDevice, broken: Books) -> None:
    use = accepted(till, voucher)
    other = new_till(voucher.merchant)

    answer, reversal = at_once(
        [lambda: scan(other, voucher), lambda: void_redemption(redemption=use, device=till, at=timezone.now())]
    )

    voucher.refresh_from_db()
    assert isinstance(reversal, Redemption), reversal
    assert results([answer]).keys() <= {"ok", "already_redeemed"}
    assert voucher.uses_done == results([answer])["ok"]
    assert broken() == {}
