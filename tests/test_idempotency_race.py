"""One request sent twice at the same instant, by a program that lost its patience."""

from collections import Counter
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import issue_token
from coupon_site.api import idempotency
from coupon_site.models import IdempotencyRecord
from orders.models import FlashSale, Order
from orders.tests.factories import new_sale
from tests.crowd import Crowd, meet

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5
COPIES = 3


@pytest.fixture
def sale() -> FlashSale:
    return new_sale()


# --- In the processes -----------------------------------------------------------------------------------------------
def order(*, token: str, sale: UUID, key: str) -> tuple[int, str]:
    """Place an order at the door; the status, and the order's id or the refusal's code."""
    program = APIClient(headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Host": "localhost"})
    answer = program.post("/api/v1/orders/", {"lines": [{"sale": str(sale), "quantity": 1}]}, format="json")
    body = answer.json()
    return answer.status_code, body.get("id") or body["code"]


def unguarded_key() -> None:
    """Nobody waits for the key, and a record that exists already is no obstacle."""
    unguarded_lock()

    def create(**fields: Any) -> None:
        IdempotencyRecord.objects.bulk_create([IdempotencyRecord(**fields)], ignore_conflicts=True)

    IdempotencyRecord.objects.create = create  # type: ignore[method-assign,assignment]


def unguarded_lock() -> None:
    """All look for a record before any has written one."""
    idempotency.lock = lambda principal, key: None
    replay_or_not = IdempotencyRecord.objects.filter

    def look(**names: Any) -> Any:
        found = replay_or_not(**names).none()
        meet()
        return found

    IdempotencyRecord.objects.filter = look  # type: ignore[method-assign,assignment]


# --- The same key ---------------------------------------------------------------------------------------------------
def copies(user: User, sale: FlashSale, *, key: str, count: int = COPIES) -> list[partial[tuple[int, str]]]:
    _, token = issue_token(user=user, name="test")
    return [partial(order, token=token, sale=sale.public_id, key=key)] * count


def test_without_the_guard__one_request_has_two_effects(crowd: Crowd, user: User, sale: FlashSale) -> None:
    """The control: if this fails, the next test proves nothing."""
    answers = crowd.at_once(*copies(user, sale, key="once", count=2), unguard=unguarded_key)

    assert [status for status, _ in answers] == [201, 201]
    assert Order.objects.count() == 2


def test_with_the_guard__one_effect_and_one_answer(crowd: Crowd, user: User, sale: FlashSale) -> None:
    for number in range(ROUNDS):
        requests = copies(user, sale, key=f"key {number}")

        answers = crowd.at_once(*requests)

        made = {found for status, found in answers if status == 201}
        refused = Counter(found for status, found in answers if status != 201)
        assert len(made) == 1
        assert refused.keys() <= {"idempotency_key_in_flight"}
        assert crowd.at_once(requests[0]) == [(201, *made)]
        assert Order.objects.count() == IdempotencyRecord.objects.count() == number + 1


def test_lock_that_fails__leaves_the_constraint(crowd: Crowd, user: User, sale: FlashSale) -> None:
    answers = crowd.at_once(*copies(user, sale, key="once", count=2), unguard=unguarded_lock)

    assert sorted(map(str, answers))[1] == "IntegrityError"
    assert Order.objects.count() == IdempotencyRecord.objects.count() == 1


def test_other_keys_at_once__do_not_disturb_each_other(crowd: Crowd, user: User, sale: FlashSale) -> None:
    requests = [request for number in range(COPIES) for request in copies(user, sale, key=f"key {number}", count=1)]

    answers = crowd.at_once(*requests)

    assert [status for status, _ in answers] == [201] * COPIES
    assert Order.objects.count() == COPIES
