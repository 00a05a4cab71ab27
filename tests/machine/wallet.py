"""What networks, finance and customers do about cashback."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from cashback.models import Account, CashbackEvent, Payout
from cashback.services import (
    amend_event,
    approve_events,
    approve_payout,
    decline_events,
    hold_events,
    reject_payout,
    request_payout,
    retry_payout,
    return_payout,
    reverse_events,
)
from cashback.tests.factories import line, run, write_file
from tests.machine.shop import Shop, of, perhaps, pick

lines = st.lists(
    st.tuples(
        st.sampled_from(["536361", "536362", "536363"]),
        st.sampled_from("AB"),
        st.integers(-3, 5),
        st.sampled_from(["17850", "13047"]),
    ),
    min_size=1,
    max_size=5,
)


class Wallet(Shop):
    def __init__(self) -> None:
        super().__init__()
        self.files: list[list[str]] = []
        self.tries: Counter[int] = Counter()

    # --- Cashback ---------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.facts.cashback)
    @rule(numbers=st.sets(pick, min_size=1, max_size=3))
    def approve(self, numbers: set[int]) -> None:
        approve_events(events=events(numbers), at=self.now, actor=self.world.staff[0])

    @precondition(lambda self: self.facts.cashback)
    @rule(
        numbers=st.sets(pick, min_size=1, max_size=3),
        verb=st.sampled_from([decline_events, hold_events, reverse_events]),
    )
    def decide_against(self, numbers: set[int], verb: type[object]) -> None:
        verb(events=events(numbers), actor=self.world.staff[0], reason="looked at")  # type: ignore[call-arg]

    @precondition(lambda self: self.facts.cashback)
    @rule(number=pick, amount=st.integers(0, 60))
    def amend(self, number: int, amount: int) -> None:
        [event] = events({number})
        perhaps(lambda: amend_event(event=event, amount_minor=amount, reason="agreed", actor=self.world.staff[0]))

    # --- Payouts ----------------------------------------------------------------------------------------------------
    @precondition(lambda self: any(row.balance > 0 and row.kind == "available" for row in self.facts.wallets))
    @rule(account=pick, amount=st.integers(1, 80))
    def ask_for_payout(self, account: int, amount: int) -> None:
        wallet = of(Account.objects.filter(kind="available", balance_minor__gt=0).order_by("pk"), account)
        perhaps(
            lambda: request_payout(
                buyer=wallet.owner,
                amount_minor=amount,
                currency=wallet.currency,
                destination="GB33 BUKB 2020 1555 5555 55",
                key=f"{wallet.pk} {self.now} {amount}",
                actor=wallet.owner,
                at=self.now,
            )
        )

    @precondition(lambda self: self.facts.payouts)
    @rule(payout=pick, person=pick)
    def approve_a_payout(self, payout: int, person: int) -> None:
        somebody = of([*self.world.staff, *self.world.buyers], person)
        chosen = of(Payout.objects.order_by("pk"), payout)
        if perhaps(lambda: approve_payout(payout=chosen, actor=somebody, at=self.now)):
            assert somebody.pk != chosen.buyer_id
            self.tries[chosen.pk] += 1

    @precondition(lambda self: self.facts.payouts)
    @rule(payout=pick)
    def reject_a_payout(self, payout: int) -> None:
        chosen = of(Payout.objects.order_by("pk"), payout)
        perhaps(lambda: reject_payout(payout=chosen, actor=self.world.staff[0], at=self.now, reason="looked at"))

    @precondition(lambda self: any(row.state == "failed" for row in self.facts.payouts))
    @rule(again=st.booleans())
    def failed_payout_is_looked_at(self, again: bool) -> None:
        chosen = Payout.objects.filter(state="failed").earliest("pk")
        staff = self.world.staff[1]
        if not again:
            perhaps(lambda: return_payout(payout=chosen, actor=staff, at=self.now, reason="given up"))
        elif perhaps(lambda: retry_payout(payout=chosen, actor=staff)):
            self.tries[chosen.pk] += 1

    @rule(mood=st.sampled_from(["paid", "slow", "declined", "silent", "lost"]))
    def bank_has_another_mood(self, mood: str) -> None:
        self.bank.mood = mood

    @precondition(lambda self: any(row["state"] == "pending" for row in self.bank.transfers.values()))
    @rule(verdict=st.sampled_from(["paid", "declined"]))
    def slow_transfers_end(self, verdict: str) -> None:
        for transfer in self.bank.transfers.values():
            if transfer["state"] == "pending":
                transfer["state"] = verdict

    # --- Imports ----------------------------------------------------------------------------------------------------
    @precondition(lambda self: len(self.files) < 2)
    @rule(rows=lines)
    def file_is_imported(self, rows: list[tuple[str, str, int, str]]) -> None:
        self.files.append(
            [
                line(f"C{invoice}" if quantity < 0 else invoice, item, quantity, "2.55", customer)
                for invoice, item, quantity, customer in rows
            ]
        )
        self.import_file(self.files[-1])

    def import_file(self, rows: list[str]) -> None:
        run(write_file(self.world.folder, rows), network=self.world.network)

    @precondition(lambda self: 0 < len(self.files) < 3)
    @rule(file=pick)
    def file_is_imported_again(self, file: int) -> None:
        before = wallets()
        self.files.append(of(self.files, file))
        self.import_file(self.files[-1])
        assert wallets() == before


def events(numbers: set[int]) -> list[CashbackEvent]:
    everything = list(CashbackEvent.objects.order_by("pk"))
    return list({of(everything, number) for number in numbers})


def wallets() -> dict[int, int | None]:
    return dict(Account.objects.filter(owner__isnull=False).values_list("pk", "balance_minor"))
