"""Payouts of one wallet at the same instant, each in a process of its own, each with a control without its guard."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from cashback import providers
from cashback.models import Account, Payout, SandboxTransfer, Transfer
from cashback.services import approve_payout, ledger, poll_payouts, send_payout, wallets
from cashback.services.payouts import deciding, sending
from cashback.tests.conftest import Books
from cashback.tests.factories import Wallet, balance, new_payout
from conftest import MakeUser
from events.models import OutboxMessage
from tests.crowd import Crowd, meet

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


# --- In the processes -----------------------------------------------------------------------------------------------
def request(*, buyer: int, amount_minor: int, key: str) -> str:
    return str(new_payout(User.objects.get(pk=buyer), amount_minor=amount_minor, key=key).public_id)


def approve(*, payout: int, actor: int) -> str:
    row = Payout.objects.get(pk=payout)
    approve_payout(payout=row, actor=User.objects.get(pk=actor), at=timezone.now())
    row.refresh_from_db()
    return str(row.state)


def send(*, payout: UUID) -> str:
    """As a worker that got the same message as another: its lease had run out."""
    send_payout(OutboxMessage(payload={"payout": str(payout)}))
    return str(Payout.objects.get(public_id=payout).state)


def unguarded_wallet() -> None:
    """Read, decide, write back: no lock, no condition, and all have read first."""

    def read_then_write(entries: list[ledger.Entry]) -> None:
        [entry] = entries
        seen = Account.objects.get(pk=entry.debit.pk).balance_minor or 0
        meet()
        if seen >= entry.amount_minor:
            Account.objects.filter(pk=entry.debit.pk).update(balance_minor=seen - entry.amount_minor)

    ledger.move_balances = read_then_write
    ledger.lock = wallets.lock = lambda ids: None


def move_blindly(row: Any, to: str, *, actor: User | None = None, reason: str = "", **fields: object) -> None:
    """What was read a moment ago is taken for granted."""
    meet()
    Payout.objects.filter(pk=row.pk).update(state=to, **fields)


def unguarded_decision() -> None:
    deciding.move = move_blindly


def unguarded_sending() -> None:
    """Whoever has the message sends it, each with a key of their own."""

    def send_anyway(payout: Payout, **_: object) -> bool:
        meet()
        payout.public_id = uuid4()
        return True

    sending.claim = send_anyway
    sending.apply_report = lambda report: True


# --- Two requests ---------------------------------------------------------------------------------------------------
def requests_of(user: User) -> list[partial[str]]:
    return [partial(request, buyer=user.pk, amount_minor=700, key=str(uuid4())) for _ in range(2)]


def test_two_requests_without_the_guard__overdraw_the_wallet(crowd: Crowd, user: User, funded: Wallet) -> None:
    """The control: if this fails, the next test proves nothing."""
    ledger.platform_account(kind="payout_clearing", currency="GBP")

    answers = crowd.at_once(*requests_of(user), unguard=unguarded_wallet)

    assert "insufficient_funds" not in answers
    assert sum(Payout.objects.values_list("amount_minor", flat=True)) == 1400


def test_two_requests__one_gets_it(crowd: Crowd, make_user: MakeUser, accrual: Account, broken: Books) -> None:
    for _ in range(ROUNDS):
        user = make_user()
        available = wallets.wallet_of(user, currency="GBP")
        ledger.transfer(
            debit=accrual, credit=available, amount_minor=1000, source_type="t", source_id=uuid4(), reason="adjustment"
        )

        answers = crowd.at_once(*requests_of(user))

        assert answers.count("insufficient_funds") == 1
        assert (Payout.objects.filter(buyer=user).count(), balance(available)) == (1, 300)
    assert broken() == {}


def test_the_same_request_twice__is_one(crowd: Crowd, user: User, funded: Wallet, broken: Books) -> None:
    asked = partial(request, buyer=user.pk, amount_minor=500, key="one")

    answers = crowd.at_once(asked, asked, asked)

    assert len(set(answers)) == 1
    assert (Payout.objects.count(), balance(funded.available)) == (1, 500)
    assert broken() == {}


# --- Two approvals --------------------------------------------------------------------------------------------------
@pytest.fixture
def payout(user: User, funded: Wallet) -> Payout:
    return new_payout(user, amount_minor=700)


def approvals_of(payout: Payout, make_user: MakeUser) -> list[partial[str]]:
    return [partial(approve, payout=payout.pk, actor=make_user().pk) for _ in range(2)]


def test_two_approvals_without_the_guard__both_pass(crowd: Crowd, payout: Payout, make_user: MakeUser) -> None:
    """The control."""
    answers = crowd.at_once(*approvals_of(payout, make_user), unguard=unguarded_decision)

    assert answers == ["approved", "approved"]
    assert OutboxMessage.objects.filter(handler__endswith="send_payout").count() == 2


def test_two_approvals__one_passes(
    crowd: Crowd, payout: Payout, make_user: MakeUser, user: User, broken: Books
) -> None:
    answers = crowd.at_once(*approvals_of(payout, make_user))

    assert sorted(answers) == ["approved", "illegal_transition"]
    assert OutboxMessage.objects.filter(handler__endswith="send_payout").count() == 1
    assert broken() == {}


# --- Two workers ----------------------------------------------------------------------------------------------------
@pytest.fixture
def approved(payout: Payout, make_user: MakeUser, live_server: LiveServer, settings: Settings) -> Iterator[Payout]:
    """Approved, with a bank that is there."""
    settings.SANDBOX_URL = live_server.url
    adapter = providers.SandboxBank()
    with patch.object(providers, "adapter_of", lambda name: adapter), adapter.http:
        yield approve_payout(payout=payout, actor=make_user(), at=timezone.now())


def test_two_workers_without_the_guard__send_twice(crowd: Crowd, approved: Payout) -> None:
    """The control."""
    crowd.at_once(*[partial(send, payout=approved.public_id)] * 2, unguard=unguarded_sending)

    assert SandboxTransfer.objects.filter(state="paid").count() == 2


def test_two_workers__send_once(crowd: Crowd, approved: Payout, broken: Books) -> None:
    answers = crowd.at_once(*[partial(send, payout=approved.public_id)] * 3)

    assert "paid" in answers
    [sent] = SandboxTransfer.objects.all()
    assert (sent.key, sent.asked, sent.state) == (approved.public_id, 1, "paid")
    assert Transfer.objects.filter(reason="settlement").count() == 1
    assert broken() == {}


def killed_before_it_is_recorded() -> None:
    """The process dies when the bank has paid and nobody has written it down."""
    sending.apply_report = lambda report: os.kill(os.getpid(), signal.SIGKILL)


def killed_before_it_is_sent() -> None:
    sending.deliver = lambda payout: os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("kill", "paid"),
    [(killed_before_it_is_recorded, True), (killed_before_it_is_sent, False)],
    ids=["sent", "not sent"],
)
def test_killed_worker__the_money_goes_once_however_often_it_is_tried(
    crowd: Crowd, approved: Payout, make_user: MakeUser, broken: Books, settings: Settings, *, kill: Any, paid: bool
) -> None:
    settings.PAYOUT_ABANDON_SECONDS = 60
    crowd.at_once(partial(send, payout=approved.public_id), unguard=kill)
    for _ in range(3):
        crowd.at_once(*[partial(send, payout=approved.public_id)] * 2)

    poll_payouts(at=timezone.now() + timezone.timedelta(hours=2))

    approved.refresh_from_db()
    assert approved.state == ("paid" if paid else "failed")
    assert list(SandboxTransfer.objects.values_list("asked", "state")) == ([(1, "paid")] if paid else [])
    assert broken() == {}
