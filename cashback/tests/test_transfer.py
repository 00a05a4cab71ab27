from collections.abc import Callable
from threading import Barrier
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from prometheus_client import REGISTRY
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from accounts.models import User
from cashback.errors import AlreadyReversed, InsufficientFunds, TransferConflict
from cashback.metrics import WALLET_KINDS
from cashback.models import Account, Transfer, TransferKind
from cashback.services import Entry, book, ledger, open_wallets, transfer
from cashback.tests.conftest import Books
from cashback.tests.factories import Wallet, balance, fund
from payments.tests.races import at_once

MakeUser = Callable[..., User]
pytestmark = pytest.mark.django_db


def spend(wallet: Wallet, accrual: Account, amount_minor: int, **options: object) -> Transfer:
    values = {"source_type": "test", "source_id": uuid4(), "reason": "payout", **options}
    return transfer(debit=wallet.available, credit=accrual, amount_minor=amount_minor, **values)  # type: ignore[arg-type]


def test_money_is_there__it_moves(funded: Wallet, accrual: Account, broken: Books) -> None:
    spend(funded, accrual, 400)

    assert balance(funded.available) == 600
    assert broken() == {}


def test_between_two_wallets__both_change(funded: Wallet, accrual: Account, make_user: MakeUser, broken: Books) -> None:
    other = open_wallets(owners=[make_user()], currency="GBP")
    [theirs] = [account for account in other.values() if account.kind == "available"]

    transfer(
        debit=funded.available, credit=theirs, amount_minor=300, source_type="t", source_id=uuid4(), reason="adjustment"
    )

    assert (balance(funded.available), balance(theirs)) == (700, 300)
    assert broken() == {}


def test_more_than_there_is__is_refused_and_nothing_is_written(funded: Wallet, accrual: Account, broken: Books) -> None:
    refused = REGISTRY.get_sample_value("wallet_transactions_total", {"kind": "payout", "status": "refused"}) or 0
    rows = Transfer.objects.count()

    with pytest.raises(InsufficientFunds), transaction.atomic():
        spend(funded, accrual, 1001)

    assert balance(funded.available) == 1000
    assert Transfer.objects.count() == rows
    assert (
        REGISTRY.get_sample_value("wallet_transactions_total", {"kind": "payout", "status": "refused"}) == refused + 1
    )
    assert broken() == {}


def test_same_source_and_reason__is_booked_once(funded: Wallet, accrual: Account) -> None:
    cause = uuid4()

    first = spend(funded, accrual, 400, source_id=cause)
    second = spend(funded, accrual, 400, source_id=cause)

    assert first == second
    assert balance(funded.available) == 600


def test_same_source_and_reason_with_another_amount__is_a_conflict(funded: Wallet, accrual: Account) -> None:
    cause = uuid4()
    spend(funded, accrual, 400, source_id=cause)

    with pytest.raises(TransferConflict):
        spend(funded, accrual, 401, source_id=cause)

    assert balance(funded.available) == 600


def test_reversal__happens_once(funded: Wallet, accrual: Account) -> None:
    paid = spend(funded, accrual, 400)
    back = {"debit": accrual, "credit": funded.available, "amount_minor": 400, "source_type": "test", "reverses": paid}
    transfer(**back, source_id=uuid4(), reason="reversal")  # type: ignore[arg-type]

    with pytest.raises(AlreadyReversed):
        transfer(**back, source_id=uuid4(), reason="reversal")  # type: ignore[arg-type]

    assert balance(funded.available) == 1000


def test_reversal__may_go_down_to_the_floor_where_spending_may_not(funded: Wallet, accrual: Account) -> None:
    Account.objects.filter(pk=funded.available.pk).update(floor_minor=-500)

    with pytest.raises(InsufficientFunds), transaction.atomic():
        spend(funded, accrual, 1100)
    spend(funded, accrual, 1500, overdraw=True)

    assert balance(funded.available) == -500
    with pytest.raises(InsufficientFunds), transaction.atomic():
        spend(funded, accrual, 1, overdraw=True)


def test_two_currencies__are_refused(funded: Wallet, user: User) -> None:
    euros = open_wallets(owners=[user], currency="EUR")
    [theirs] = [account for account in euros.values() if account.kind == "available"]

    with pytest.raises(ValueError, match="one currency"):
        transfer(
            debit=funded.available, credit=theirs, amount_minor=1, source_type="t", source_id=uuid4(), reason="payout"
        )


@pytest.mark.parametrize(
    "statement", ["UPDATE cashback_transfer SET amount_minor = 1", "DELETE FROM cashback_transfer"]
)
def test_transfer__can_neither_be_changed_nor_removed(funded: Wallet, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert Transfer.objects.get().amount_minor == 1000


@pytest.mark.parametrize(
    "fields", [{"amount_minor": 0}, {"amount_minor": -5}, {"credit": None}], ids=["zero", "negative", "to itself"]
)
def test_senseless_transfer__is_refused_by_the_database(
    wallet: Wallet, accrual: Account, fields: dict[str, object]
) -> None:
    values = {"debit": accrual, "credit": wallet.available, "amount_minor": 5, **fields}
    values["credit"] = values["credit"] or accrual

    with pytest.raises(IntegrityError), transaction.atomic():
        transfer(**values, source_type="test", source_id=uuid4(), reason="adjustment")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [{"balance_minor": -1}, {"owner": None}, {"balance_minor": None}, {"kind": "accrual"}, {"currency": "pounds"}],
    ids=["below its floor", "nobody's", "without a balance", "of the platform", "no currency"],
)
def test_senseless_account__is_refused_by_the_database(wallet: Wallet, fields: dict[str, object]) -> None:
    with pytest.raises(Exception, match=r"cashback_account|too long"), transaction.atomic():
        Account.objects.filter(pk=wallet.available.pk).update(**fields)


def test_many_entries__take_as_many_statements_as_one(
    make_user: MakeUser, accrual: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    wallets = open_wallets(owners=[make_user() for _ in range(20)], currency="GBP")
    entries = [
        Entry(debit=accrual, credit=account, amount_minor=5, source_type="t", source_id=uuid4(), reason="accrual")
        for account in wallets.values()
    ]

    with django_assert_num_queries(7):  # two savepoints and their ends, locks, rows, balances
        book(entries=entries)

    assert {balance(account) for account in wallets.values()} == {5}


def test_committed__is_counted_by_kind(
    funded: Wallet, accrual: Account, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    labels = {"kind": "payout", "status": "booked"}
    before = REGISTRY.get_sample_value("wallet_transactions_total", labels) or 0

    with django_capture_on_commit_callbacks(execute=True):
        spend(funded, accrual, 1, reason="payout.2")

    assert REGISTRY.get_sample_value("wallet_transactions_total", labels) == before + 1


def test_kinds__are_the_metrics_labels() -> None:
    assert set(WALLET_KINDS) == set(TransferKind.values)


@pytest.mark.django_db(transaction=True)
class TestRaces:
    """Two threads, two connections, one wallet."""

    def test_without_the_guard__the_same_money_is_spent_twice(self, funded: Wallet, accrual: Account) -> None:
        """The control: if this fails, the next test proves nothing."""

        def read_then_write(entries: list[Entry]) -> None:
            [entry] = entries
            seen = Account.objects.get(pk=entry.debit.pk).balance_minor or 0
            meet.wait()
            if seen >= entry.amount_minor:
                Account.objects.filter(pk=entry.debit.pk).update(balance_minor=seen - entry.amount_minor)

        meet = Barrier(2, timeout=60)
        with patch.object(ledger, "move_balances", read_then_write), patch.object(ledger, "lock", lambda ids: None):
            answers = at_once([lambda: spend(funded, accrual, 700)] * 2)

        assert [type(answer) for answer in answers] == [Transfer, Transfer]
        assert Transfer.objects.filter(reason="payout").count() == 2

    def test_with_the_guard__one_gets_it(self, funded: Wallet, accrual: Account, broken: Books) -> None:
        answers = at_once([lambda: spend(funded, accrual, 700)] * 2)

        assert sorted(type(answer).__name__ for answer in answers) == ["InsufficientFunds", "Transfer"]
        assert balance(funded.available) == 300
        assert broken() == {}

    def test_opposite_directions__do_not_wait_for_each_other(
        self, make_user: MakeUser, accrual: Account, broken: Books
    ) -> None:
        wallets = open_wallets(owners=[make_user(), make_user()], currency="GBP")
        one, other = (account for account in wallets.values() if account.kind == "available")
        fund(one, accrual, amount_minor=500)
        fund(other, accrual, amount_minor=500)

        def send(debit: Account, credit: Account) -> None:
            for _ in range(20):
                transfer(
                    debit=debit,
                    credit=credit,
                    amount_minor=5,
                    source_type="t",
                    source_id=uuid4(),
                    reason="adjustment",
                )

        answers = at_once([lambda: send(one, other), lambda: send(other, one)])

        assert answers == [None, None]
        assert (balance(one), balance(other)) == (500, 500)
        assert broken() == {}

    def test_the_same_transfer_at_once__is_booked_once(self, funded: Wallet, accrual: Account, broken: Books) -> None:
        cause = uuid4()

        answers = at_once([lambda: spend(funded, accrual, 100, source_id=cause)] * 4)

        assert len({answer.pk for answer in answers if isinstance(answer, Transfer)}) == 1
        assert balance(funded.available) == 900
        assert broken() == {}
