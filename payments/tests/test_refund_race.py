"""Two operators give the same payment back at the same instant, each in a process of their own."""

from functools import partial

import pytest

from accounts.models import User
from payments.errors import RefundTooLarge
from payments.models import Payment, Refund
from payments.services import refunds, request_refund
from payments.tests.conftest import Books
from payments.tests.factories import captured
from tests.crowd import Crowd, meet

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


# --- In the processes -----------------------------------------------------------------------------------------------
def give_back(*, payment: int, amount_minor: int, key: str) -> int:
    """One operator's refund; what they were told goes back."""
    row = Payment.objects.get(pk=payment)
    return request_refund(payment=row, amount_minor=amount_minor, reason="asked", key=key).amount_minor


def unguarded() -> None:
    """What is left is read, decided on and written back: no lock, no condition, and all read first."""

    def set_aside(payment: Payment, amount_minor: int) -> None:
        payment.refresh_from_db()
        meet()
        if payment.refundable_minor < amount_minor:
            raise RefundTooLarge
        Payment.objects.filter(pk=payment.pk).update(refunding_minor=payment.refunding_minor + amount_minor)

    refunds.set_aside = set_aside
    refunds.lock = lambda payment: None


def without_lock() -> None:
    """Only the conditional UPDATE is left."""
    refunds.lock = lambda payment: meet()


# --- The race -------------------------------------------------------------------------------------------------------
def operators(payment: Payment, *, keys: str = "ab") -> list[partial[int]]:
    return [partial(give_back, payment=payment.pk, amount_minor=1500, key=f"{payment.pk}{key}") for key in keys]


def test_without_the_guard__more_goes_back_than_came(crowd: Crowd, captured_payment: Payment, broken: Books) -> None:
    """The control: if this fails, the others prove nothing."""
    assert crowd.at_once(*operators(captured_payment), unguard=unguarded) == [1500, 1500]

    assert sum(Refund.objects.values_list("amount_minor", flat=True)) == 3000 > captured_payment.captured_minor
    assert broken() == {"payments_sums_of_refunds": 1}


def test_with_the_guard__one_of_them_wins(crowd: Crowd, user: User, broken: Books) -> None:
    for _ in range(ROUNDS):
        payment = captured(user)

        answers = crowd.at_once(*operators(payment, keys="abc"))

        payment.refresh_from_db()
        assert sorted(map(str, answers)) == ["1500", "refund_too_large", "refund_too_large"]
        assert payment.refunding_minor == 1500
    assert broken() == {}


def test_same_key_at_once__is_one_refund(crowd: Crowd, user: User, broken: Books) -> None:
    for _ in range(ROUNDS):
        payment = captured(user)

        assert crowd.at_once(*operators(payment, keys="aaa")) == [1500] * 3

        assert payment.refunds.count() == 1
    assert broken() == {}


def test_condition_alone__lets_one_through(crowd: Crowd, captured_payment: Payment) -> None:
    answers = crowd.at_once(*operators(captured_payment), unguard=without_lock)

    assert sorted(map(str, answers)) == ["1500", "refund_too_large"]
