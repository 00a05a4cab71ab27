"""Whatever happens to payouts in whatever order: the ledger stays whole, and the bank never pays one twice."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from cashback import providers
from cashback.errors import BankUnreachable, InsufficientFunds
from cashback.models import Account, AccountKind, Payout, PayoutState
from cashback.providers import TransferReport
from cashback.queries import INVARIANTS, balances_of
from cashback.services import (
    adjust_wallet,
    approve_payout,
    poll_payouts,
    reject_payout,
    retry_payout,
    return_payout,
    send_payout,
)
from cashback.tests.conftest import Books
from cashback.tests.factories import new_payout
from coupon_site.errors import IllegalTransition
from coupon_site.identifiers import uuid7
from events.errors import Defer
from events.models import OutboxMessage
from payments.errors import ProviderRefused, ProviderUnavailable

START = 3000
LATE = timedelta(days=1)


class MoodyBank:
    """Pays a key once, answers as its mood is, and says the truth when it is asked."""

    def __init__(self) -> None:
        self.mood = "pays"
        self.paid: dict[UUID, int] = {}

    def send(self, payout: Payout) -> TransferReport:
        if self.mood == "unreachable":
            raise BankUnreachable("nobody there")
        if self.mood in ("pays", "pays silently"):
            self.paid[payout.public_id] = payout.amount_minor
        if self.mood == "refuses" and payout.public_id not in self.paid:
            raise ProviderRefused("no", answer=400)
        if self.mood in ("silent", "pays silently"):
            raise ProviderUnavailable("no answer")
        return self.report(payout)

    def look_up(self, payout: Payout) -> TransferReport | None:
        return self.report(payout) if payout.public_id in self.paid else None

    def report(self, payout: Payout) -> TransferReport:
        return TransferReport(
            payout=payout.public_id,
            provider_ref=f"ref-{payout.public_id}",
            state=PayoutState.PAID,
            amount_minor=payout.amount_minor,
            currency=payout.currency,
        )


STEPWISE = ("payouts_that_differ", "payout_clearing_that_differs", "wallet_balances_that_differ", "ledger_sum")
MOODS = ("pays", "pays silently", "silent", "refuses", "unreachable")
STEPS = ("request", "approve", "reject", "send", "poll", "poll late", "retry", "return")
steps = st.tuples(st.sampled_from(STEPS), st.sampled_from(MOODS), st.integers(0, 3), st.integers(500, 1500))


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(way=st.lists(steps, max_size=25))
def test_any_way_of_payouts__leaves_the_ledger_whole_and_pays_each_once(
    make_user: Callable[..., User], broken: Books, monkeypatch: pytest.MonkeyPatch, way: list[tuple[str, str, int, int]]
) -> None:
    bank = MoodyBank()
    monkeypatch.setattr(providers, "adapter_of", lambda name: bank)
    with transaction.atomic():
        buyer, finance = make_user(), make_user()
        adjust_wallet(owner=buyer, amount_minor=START, currency="GBP", reason="start", actor=finance, key=uuid7())
        payouts: list[Payout] = []

        for step, bank.mood, index, amount in way:
            take(step, payouts, index=index, amount_minor=amount, buyer=buyer, finance=finance)
            assert {name for name in STEPWISE if INVARIANTS[name]()} == set()

        assert broken() == {}
        [wallet] = balances_of(buyer)
        kept = Payout.objects.exclude(state__in=["rejected", "returned"])
        assert wallet.available_minor == START - sum(kept.values_list("amount_minor", flat=True)) >= 0
        assert set(Payout.objects.filter(state="paid").values_list("public_id", flat=True)) <= set(bank.paid)
        assert not set(Payout.objects.filter(state="returned").values_list("public_id", flat=True)) & set(bank.paid)
        assert set(bank.paid) <= {payout.public_id for payout in payouts}
        assert Account.objects.get(owner=buyer, kind=AccountKind.PENDING).balance_minor == 0
        transaction.set_rollback(True)


def take(step: str, payouts: list[Payout], *, index: int, amount_minor: int, buyer: User, finance: User) -> None:
    """One step with one of the payouts; what its state does not allow is refused and changes nothing."""
    now = timezone.now()
    if step == "request":
        try:
            with transaction.atomic():
                payouts.append(new_payout(buyer, amount_minor=amount_minor))
        except InsufficientFunds:
            assert balances_of(buyer)[0].available_minor < amount_minor
    elif step.startswith("poll"):
        poll_payouts(at=now + (LATE if step == "poll late" else timedelta(minutes=2)))
    elif payouts:
        payout = payouts[index % len(payouts)]
        payout.refresh_from_db()
        acts: dict[str, Callable[[], object]] = {
            "approve": lambda: approve_payout(payout=payout, actor=finance, at=now),
            "reject": lambda: reject_payout(payout=payout, actor=finance, at=now, reason="no"),
            "send": lambda: send_payout(OutboxMessage(payload={"payout": payout.public_id})),
            "retry": lambda: retry_payout(payout=payout, actor=finance),
            "return": lambda: return_payout(payout=payout, actor=finance, at=now, reason="given up"),
        }
        with suppress(IllegalTransition, Defer):
            acts[step]()
