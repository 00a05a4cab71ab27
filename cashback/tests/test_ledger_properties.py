"""Whatever is booked in whatever order: accounts are what their transfers say, and nobody gets below a floor."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from cashback.errors import InsufficientFunds
from cashback.models import Account, Transfer
from cashback.queries import platform_balance
from cashback.services import Entry, book, open_wallets
from cashback.tests.conftest import Books
from cashback.tests.factories import balance

ACCOUNTS = 5  # the platform's, and two wallets
FLOOR = -300

Step = tuple[int, int, int, bool, int]
steps = st.tuples(
    st.integers(0, ACCOUNTS - 1), st.integers(0, ACCOUNTS - 1), st.integers(1, 1000), st.booleans(), st.integers(0, 7)
)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(steps, min_size=1, max_size=4), max_size=8))
def test_any_bookings__leave_the_ledger_whole(
    make_user: Callable[..., User], accrual: Account, broken: Books, batches: list[list[Step]]
) -> None:
    with transaction.atomic():
        users = [make_user(), make_user()]
        wallets = open_wallets(owners=users, currency="GBP")
        Account.objects.filter(owner__in=users, kind="available").update(floor_minor=FLOOR)
        accounts = [accrual, *Account.objects.filter(pk__in=[each.pk for each in wallets.values()]).order_by("pk")]
        causes = [uuid4() for _ in range(8)]
        expected = dict.fromkeys(range(ACCOUNTS), 0)
        booked: set[int] = set()

        for batch in batches:
            expected = book_batch(batch, accounts, causes, expected, booked)

        assert {index: balance(account) for index, account in enumerate(accounts) if index} == {
            index: minor for index, minor in expected.items() if index
        }
        assert platform_balance(kind="accrual", currency="GBP") == expected[0]
        assert Transfer.objects.filter(source_id__in=causes).count() == len(booked)
        assert not {name for name in broken() if name != "pending_accounts_that_differ"}
        transaction.set_rollback(True)


def book_batch(
    batch: list[Step], accounts: list[Account], causes: list[UUID], expected: dict[int, int], booked: set[int]
) -> dict[int, int]:
    """Book the batch, and work out by hand what it should come to; a refused batch changes nothing."""
    rows = [step for step in batch if step[0] != step[1]]
    entries = [
        Entry(
            debit=accounts[debit],
            credit=accounts[credit],
            amount_minor=amount,
            source_type="test",
            source_id=causes[cause],
            reason="adjustment",
            overdraw=overdraw,
        )
        for debit, credit, amount, overdraw, cause in rows
    ]
    new = {}
    for step in rows:
        if step[4] not in booked:
            new.setdefault(step[4], step)
    after, strict = dict(expected), set()
    for debit, credit, amount, overdraw, _ in new.values():
        after[debit] -= amount
        after[credit] += amount
        strict |= set() if overdraw else {debit}
    allowed = all(is_allowed(account, expected, after, accounts, strict) for account in range(1, ACCOUNTS))
    try:
        with transaction.atomic():
            assert book(entries=entries) == len(new)
    except InsufficientFunds:
        assert not allowed
        return expected
    assert allowed
    booked.update(new)
    return after


def is_allowed(
    index: int, before: dict[int, int], after: dict[int, int], accounts: list[Account], strict: set[int]
) -> bool:
    """An account may always grow; to shrink, it needs the money, or the right to go down to its floor."""
    floor = accounts[index].floor_minor
    return after[index] >= before[index] or after[index] >= (max(floor, 0) if index in strict else floor)
