"""A payout's way: asked for, approved by a second person, sent, and what the bank makes of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import User
from cashback import providers
from cashback.errors import BankUnreachable, InsufficientFunds, PayoutKeyReused, PayoutTooSmall, SecondPersonNeeded
from cashback.models import Payout, PayoutState, Transfer
from cashback.providers import TransferReport
from cashback.queries import payouts_by_state, payouts_oldest_requested_seconds, payouts_stuck, platform_balance
from cashback.services import (
    approve_payout,
    poll_payouts,
    reject_payout,
    retry_payout,
    return_payout,
)
from cashback.services.payouts import apply_report
from cashback.tests.conftest import Books
from cashback.tests.factories import Wallet, balance, new_payout
from conftest import MakeUser
from coupon_site.errors import IllegalTransition
from coupon_site.models import StateChange
from events.models import OutboxEvent, OutboxMessage
from payments.errors import ProviderRefused, ProviderUnavailable, ReportMismatch

pytestmark = pytest.mark.django_db
Drain = Callable[[], int]


class Bank:
    """A bank that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Any = PayoutState.PAID
        self.known: Any = None

    def send(self, payout: Payout) -> TransferReport:
        self.asked.append(f"send {payout.public_id}")
        return self.say(payout, self.answer)

    def look_up(self, payout: Payout) -> TransferReport | None:
        self.asked.append(f"look up {payout.public_id}")
        return None if self.known is None else self.say(payout, self.known)

    def say(self, payout: Payout, answer: Any) -> TransferReport:
        if isinstance(answer, Exception):
            raise answer
        return report(payout, answer)


def report(payout: Payout, state: PayoutState, **fields: Any) -> TransferReport:
    return TransferReport(
        **{
            "payout": payout.public_id,
            "provider_ref": f"ref-{payout.pk}",
            "state": state,
            "amount_minor": payout.amount_minor,
            "currency": payout.currency,
            **fields,
        }
    )


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    stub = Bank()
    monkeypatch.setattr(providers, "adapter_of", lambda name: stub)
    return stub


@pytest.fixture
def finance(make_user: MakeUser) -> User:
    return make_user(groups=["finance"])


@pytest.fixture
def payout(user: User, funded: Wallet) -> Payout:
    """£7 of £10."""
    return new_payout(user, amount_minor=700)


@pytest.fixture
def approved(payout: Payout, finance: User) -> Payout:
    return approve_payout(payout=payout, actor=finance, at=timezone.now())


def state_of(payout: Payout) -> str:
    payout.refresh_from_db()
    return payout.state


def way_of(payout: Payout) -> list[str]:
    return list(
        StateChange.objects.filter(object_id=payout.public_id).order_by("id").values_list("to_state", flat=True)
    )


def told() -> list[str]:
    rows = OutboxEvent.objects.filter(event_type__startswith="payout.").order_by("id")
    return list(rows.values_list("event_type", flat=True))


def clearing() -> int:
    return platform_balance(kind="payout_clearing", currency="GBP")


# --- asked for ---


def test_requested__is_set_aside(payout: Payout, user: User, funded: Wallet, broken: Books) -> None:
    assert (payout.state, balance(funded.available), clearing()) == ("requested", 300, 700)
    event = OutboxEvent.objects.get(event_type="payout.requested")
    assert (event.channel, set(event.audience)) == (
        "events:cashback",
        {f"user:{user.public_id}", "perm:cashback.view_cashbackevent"},
    )
    assert broken() == {}


def test_more_than_there_is__is_refused_and_nothing_is_written(user: User, funded: Wallet, broken: Books) -> None:
    with pytest.raises(InsufficientFunds), transaction.atomic():
        new_payout(user, amount_minor=1001)

    assert (balance(funded.available), Payout.objects.count(), told()) == (1000, 0, [])
    assert broken() == {}


def test_less_than_the_minimum__is_refused(user: User, funded: Wallet, settings: Settings) -> None:
    settings.PAYOUT_MINIMUM_MINOR = 500

    with pytest.raises(PayoutTooSmall) as refusal:
        new_payout(user, amount_minor=499)
    new_payout(user, amount_minor=500)

    assert refusal.value.context == {"least_minor": 500}


def test_same_key__is_the_same_payout(user: User, funded: Wallet) -> None:
    first, second = (new_payout(user, amount_minor=600, key="k") for _ in range(2))

    assert first == second
    assert balance(funded.available) == 400
    with pytest.raises(PayoutKeyReused):
        new_payout(user, amount_minor=600, key="k", destination="elsewhere")


# --- a second person ---


def test_approved__goes_to_the_bank_and_is_paid(
    approved: Payout, finance: User, funded: Wallet, bank: Bank, *, drain: Drain, broken: Books
) -> None:
    assert (approved.approved_by, clearing()) == (finance, 700)

    drain()

    assert state_of(approved) == "paid"
    assert approved.provider_ref == f"ref-{approved.pk}"
    assert bank.asked == [f"send {approved.public_id}"]
    assert (balance(funded.available), clearing()) == (300, 0)
    assert platform_balance(kind="paid_out", currency="GBP") == 700
    assert way_of(approved) == ["approved", "processing", "paid"]
    assert told() == ["payout.requested", "payout.approved", "payout.processing", "payout.paid"]
    assert broken() == {}


def test_who_asked_for_it__does_not_approve_it(payout: Payout, user: User) -> None:
    with pytest.raises(SecondPersonNeeded):
        approve_payout(payout=payout, actor=user, at=timezone.now())

    assert state_of(payout) == "requested"


def test_who_entered_it_for_a_customer__does_not_approve_it_nor_does_the_customer(
    user: User, operator: User, finance: User, funded: Wallet
) -> None:
    entered = new_payout(user, actor=operator)

    for person in (operator, user):
        with pytest.raises(SecondPersonNeeded):
            approve_payout(payout=entered, actor=person, at=timezone.now())
    approve_payout(payout=entered, actor=finance, at=timezone.now())

    assert entered.state == "approved"


@pytest.mark.parametrize("who", ["user", "operator"])
def test_own_approval__is_refused_by_the_database(user: User, operator: User, funded: Wallet, who: str) -> None:
    entered = new_payout(user, actor=operator)

    with pytest.raises(IntegrityError, match="cashback_payout_second_person"), transaction.atomic():
        Payout.objects.filter(pk=entered.pk).update(
            state="approved", approved_by={"user": user, "operator": operator}[who], approved_at=timezone.now()
        )


@pytest.mark.parametrize("state", sorted(set(PayoutState) - {"requested", "rejected"}))
def test_no_approval__no_further_state(payout: Payout, state: str) -> None:
    with pytest.raises(IntegrityError, match="cashback_payout_approved"), transaction.atomic():
        Payout.objects.filter(pk=payout.pk).update(state=state)


def test_rejected__the_money_is_back(payout: Payout, finance: User, funded: Wallet, broken: Books) -> None:
    reject_payout(payout=payout, actor=finance, at=timezone.now(), reason="wrong account")

    assert (state_of(payout), balance(funded.available), clearing()) == ("rejected", 1000, 0)
    assert Transfer.objects.get(reason="return").reverses == Transfer.objects.get(reason="payout")
    assert StateChange.objects.get(object_id=payout.public_id).reason == "wrong account"
    assert told()[-1] == "payout.rejected"
    assert broken() == {}


@pytest.mark.parametrize("state", sorted(set(PayoutState) - {"requested"}))
@pytest.mark.parametrize("verb", [approve_payout, reject_payout], ids=["approve", "reject"])
def test_decided_already__is_refused_and_nothing_changes(
    approved: Payout, make_user: MakeUser, *, verb: Callable[..., Payout], state: str
) -> None:
    if state == "rejected":
        Payout.objects.filter(pk=approved.pk).update(state=state, approved_by=None, approved_at=None)
    else:
        Payout.objects.filter(pk=approved.pk).update(state=state)
    rows = Transfer.objects.count()

    with pytest.raises(IllegalTransition), transaction.atomic():
        verb(payout=approved, actor=make_user(), at=timezone.now(), reason="again")

    assert (state_of(approved), Transfer.objects.count()) == (state, rows)
    assert OutboxMessage.objects.count() == 1


# --- at the bank ---


def test_refused_by_the_bank__fails_and_keeps_the_money_aside(
    approved: Payout, bank: Bank, drain: Drain, funded: Wallet, broken: Books
) -> None:
    bank.answer = ProviderRefused("no", answer=400)

    drain()

    assert (state_of(approved), approved.failure_code) == ("failed", "refused")
    assert (balance(funded.available), clearing(), payouts_stuck(timezone.now())) == (300, 700, 1)
    assert broken() == {}


def test_no_answer__is_unknown_and_asked_for_but_never_sent_again(
    approved: Payout, bank: Bank, drain: Drain, broken: Books
) -> None:
    bank.answer = ProviderUnavailable("timed out")
    drain()
    assert state_of(approved) == "unknown"

    poll_payouts(at=timezone.now())
    assert len(bank.asked) == 1  # not before its time
    bank.known = PayoutState.PAID
    poll_payouts(at=approved.poll_at)
    drain()

    assert state_of(approved) == "paid"
    assert bank.asked == [f"send {approved.public_id}", f"look up {approved.public_id}"]
    assert broken() == {}


def test_unknown_for_long__is_asked_for_less_and_less(
    approved: Payout, bank: Bank, drain: Drain, settings: Settings
) -> None:
    settings.PAYMENT_POLL_SECONDS = 30
    bank.answer = ProviderUnavailable("timed out")
    drain()

    waits = []
    for _ in range(5):
        approved.refresh_from_db()
        at = approved.poll_at
        poll_payouts(at=at)
        approved.refresh_from_db()
        waits.append((approved.poll_at - at).total_seconds())

    assert waits == [30, 60, 120, 240, 480]
    assert state_of(approved) == "unknown"
    assert payouts_stuck(timezone.now() + timedelta(hours=1)) == 1


def test_bank_never_heard_of_it__fails_after_long_and_can_be_sent_again_under_the_same_key(
    approved: Payout, bank: Bank, drain: Drain, finance: User, *, settings: Settings, broken: Books
) -> None:
    settings.PAYOUT_ABANDON_SECONDS = 3600
    bank.answer = ProviderUnavailable("timed out")
    drain()
    poll_payouts(at=timezone.now() + timedelta(seconds=3700))
    assert (state_of(approved), approved.failure_code) == ("failed", "never_arrived")

    bank.answer = PayoutState.PAID
    retry_payout(payout=approved, actor=finance)
    drain()

    assert state_of(approved) == "paid"
    assert [asked for asked in bank.asked if asked.startswith("send")] == [f"send {approved.public_id}"] * 2
    assert way_of(approved) == ["approved", "processing", "unknown", "failed", "processing", "paid"]
    assert broken() == {}


def test_bank_not_reached__was_not_sent_and_is_tried_again(
    approved: Payout, bank: Bank, drain: Drain, broken: Books
) -> None:
    bank.answer = BankUnreachable("connection refused")
    drain()
    message = OutboxMessage.objects.get()
    assert (state_of(approved), approved.sent_at, message.attempts) == ("processing", None, 0)
    assert poll_payouts(at=timezone.now() + timedelta(hours=2)) == 0

    bank.answer = PayoutState.PAID
    OutboxMessage.objects.update(due_at=timezone.now())
    drain()

    assert state_of(approved) == "paid"
    assert broken() == {}


def test_slow_bank__is_polled_until_it_is_through(approved: Payout, bank: Bank, drain: Drain, broken: Books) -> None:
    bank.answer = bank.known = PayoutState.PROCESSING
    drain()
    poll_payouts(at=timezone.now() + timedelta(hours=2))
    assert state_of(approved) == "processing"

    bank.known = PayoutState.PAID
    poll_payouts(at=timezone.now() + timedelta(hours=4))

    assert state_of(approved) == "paid"
    assert broken() == {}


def test_killed_between_sending_and_recording__is_polled_and_settled_once(
    approved: Payout, bank: Bank, drain: Drain, broken: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next worker must not send it: it can't know how far the first one came."""
    from cashback.services.payouts import sending

    class Killed(BaseException):
        pass

    def die(report: TransferReport) -> bool:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(sending, "apply_report", die)
        with pytest.raises(Killed):
            drain()
    OutboxMessage.objects.update(due_at=timezone.now())  # its lease has run out
    drain()
    assert (state_of(approved), len(bank.asked)) == ("processing", 1)

    bank.known = PayoutState.PAID
    poll_payouts(at=timezone.now() + timedelta(minutes=1))
    poll_payouts(at=timezone.now() + timedelta(hours=5))

    assert state_of(approved) == "paid"
    assert [asked.split()[0] for asked in bank.asked] == ["send", "look"]
    assert Transfer.objects.filter(reason="settlement").count() == 1
    assert broken() == {}


def test_report_twice_or_late__is_ignored(approved: Payout, bank: Bank, drain: Drain, broken: Books) -> None:
    drain()

    again = [apply_report(report(approved, state)) for state in (PayoutState.PAID, PayoutState.FAILED)]

    assert (again, state_of(approved)) == ([False, False], "paid")
    assert broken() == {}


def test_report_of_another_amount__is_not_believed(approved: Payout, bank: Bank, drain: Drain) -> None:
    bank.answer = ProviderUnavailable("timed out")
    drain()

    with pytest.raises(ReportMismatch):
        apply_report(report(approved, PayoutState.PAID, amount_minor=1))

    assert state_of(approved) == "unknown"


# --- failed ---


@pytest.fixture
def failed(approved: Payout, bank: Bank, drain: Drain) -> Payout:
    bank.answer = ProviderRefused("no", answer=400)
    drain()
    approved.refresh_from_db()
    return approved


def test_returned__the_money_is_back(failed: Payout, finance: User, funded: Wallet, broken: Books) -> None:
    return_payout(payout=failed, actor=finance, at=timezone.now(), reason="closed account")

    assert (state_of(failed), balance(funded.available), clearing()) == ("returned", 1000, 0)
    assert told()[-1] == "payout.returned"
    assert broken() == {}


@pytest.mark.parametrize(
    ("known", "refusal"),
    [(PayoutState.PAID, IllegalTransition), (ProviderUnavailable("away"), ProviderUnavailable)],
    ids=["paid after all", "the bank is away"],
)
def test_bank_may_have_paid__is_not_returned(
    failed: Payout, finance: User, bank: Bank, funded: Wallet, *, known: Any, refusal: type[Exception]
) -> None:
    bank.known = known

    with pytest.raises(refusal):
        return_payout(payout=failed, actor=finance, at=timezone.now(), reason="closed account")

    assert (state_of(failed), balance(funded.available)) == ("failed", 300)


@pytest.mark.parametrize("state", sorted(set(PayoutState) - {"failed", "requested", "rejected"}))
def test_any_other_state__is_neither_sent_again_nor_returned(
    approved: Payout, finance: User, bank: Bank, funded: Wallet, state: str
) -> None:
    Payout.objects.filter(pk=approved.pk).update(state=state)
    queued = OutboxMessage.objects.count()

    with pytest.raises(IllegalTransition), transaction.atomic():
        retry_payout(payout=approved, actor=finance)
    with pytest.raises(IllegalTransition), transaction.atomic():
        return_payout(payout=approved, actor=finance, at=timezone.now(), reason="no")

    assert (state_of(approved), balance(funded.available), OutboxMessage.objects.count()) == (state, 300, queued)


# --- figures ---


def test_figures__say_what_waits(payout: Payout, user: User, finance: User, bank: Bank, drain: Drain) -> None:
    later = timezone.now() + timedelta(minutes=20)

    assert payouts_by_state() == {**dict.fromkeys(PayoutState.values, 0), "requested": 1}
    assert payouts_oldest_requested_seconds(later) == pytest.approx(1200, abs=60)
    assert payouts_stuck(later) == 0


def test_ends__are_counted(
    user: User, funded: Wallet, finance: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    before = {status: counted(status) for status in ("requested", "rejected")}

    with django_capture_on_commit_callbacks(execute=True):
        reject_payout(payout=new_payout(user), actor=finance, at=timezone.now(), reason="no")

    assert {status: counted(status) - number for status, number in before.items()} == {"requested": 1, "rejected": 1}


def counted(status: str) -> float:
    return REGISTRY.get_sample_value("payouts_total", {"status": status}) or 0


@pytest.mark.parametrize(
    "fields",
    [{"amount_minor": 0}, {"currency": "pounds"}, {"state": "gone"}],
    ids=["no amount", "no currency", "no state"],
)
def test_senseless_payout__is_refused_by_the_database(payout: Payout, fields: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"cashback_payout|too long"), transaction.atomic():
        Payout.objects.filter(pk=payout.pk).update(**fields)


def test_two_payouts__have_two_names_at_the_bank(user: User, funded: Wallet) -> None:
    one, other = (new_payout(user, amount_minor=500) for _ in range(2))
    Payout.objects.filter(pk=one.pk).update(provider_ref="one")

    with pytest.raises(IntegrityError, match="cashback_payout_provider_ref"), transaction.atomic():
        Payout.objects.filter(pk=other.pk).update(provider_ref="one")
