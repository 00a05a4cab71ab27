"""All of it together, and what holds after each step."""

from collections import Counter

from hypothesis.stateful import invariant

from events.models import OutboxEvent
from events.services import drain
from tests.machine.facts import read_facts
from tests.machine.giving import Giving
from tests.machine.paying import Paying
from tests.machine.wallet import Wallet

SOLD = ("paid", "fulfilled")
OVER = ("declined", "reversed")
CONTESTED = ("disputed", "charged_back")
NOT_SENT = ("requested", "approved", "rejected", "returned")
NOTHING = {"captured_minor": 0, "refunded_minor": 0}


class MoneyMachine(Paying, Giving, Wallet):
    """The model is small on purpose: sums that anybody can follow, kept beside the product's own."""

    @invariant()
    def everything_agrees(self) -> None:
        """After the outbox is worked off, as far as it is due."""
        self.steps_done += 1
        drain()
        OutboxEvent.objects.all()._raw_delete("default")  # for browsers: a relay has been here
        broken = self.world.books.broken()
        if self.swept_at != self.now:
            broken.pop("gifts_overdue", None)  # the sweeps' to end
        assert broken == {}
        self.facts = read_facts()
        assert self.facts.dead == []
        self.no_more_units_are_sold_than_there_are()
        self.money_that_came_was_sold_for_or_went_back()
        self.no_voucher_is_used_too_often()
        self.cashback_is_the_share_of_what_was_kept()
        self.nothing_is_spent_that_is_not_there()
        self.no_payout_is_sent_twice()

    def no_more_units_are_sold_than_there_are(self) -> None:
        units: Counter[int] = Counter()
        for order in self.facts.orders:
            for sale, quantity in self.sold[order.id].units.items():
                units[sale.pk] += quantity * (order.state in ("reserved", *SOLD))
        for stock in self.facts.stock:
            assert stock.reserved + stock.sold == units[stock.sale] <= stock.total

    def money_that_came_was_sold_for_or_went_back(self) -> None:
        """What the bank has of us, what the site says that it keeps, and what was sold for it."""
        paid = {order.payment: order.id for order in self.facts.orders if order.state in SOLD}
        for payment in self.facts.payments:
            charge = self.bank.charges.get(payment.key, NOTHING)
            assert payment.captured in (0, charge["captured_minor"])
            assert payment.refunded <= charge["refunded_minor"] <= payment.refunded + payment.refunding
            if payment.state not in CONTESTED:
                kept = payment.captured - payment.refunded - payment.refunding
                if order := paid.get(payment.id):
                    assert kept == self.sold[order].total_minor - payment.asked
                else:
                    assert 0 <= kept <= payment.given_up  # by an operator, who may think better of it

    def no_voucher_is_used_too_often(self) -> None:
        for voucher in self.facts.vouchers:
            assert voucher.done == self.uses[voucher.id] <= voucher.total

    def cashback_is_the_share_of_what_was_kept(self) -> None:
        refunded = {order.id: order.refunded for order in self.facts.orders}
        for event in self.facts.cashback:
            if event.order and event.state not in OVER and len(self.sold[event.order].units) == 1:
                share = (self.sold[event.order].total_minor - refunded[event.order]) * event.basis_points
                assert event.kept == (share + 5_000) // 10_000

    def nothing_is_spent_that_is_not_there(self) -> None:
        for wallet in self.facts.wallets:
            assert wallet.balance >= wallet.floor

    def no_payout_is_sent_twice(self) -> None:
        """One call for each approval or retry, and what the wallet has back the bank has not paid."""
        for payout in self.facts.payouts:
            transfer = self.bank.transfers.get(payout.key, {"asked": 0, "state": "declined"})
            assert transfer["asked"] <= self.tries[payout.id]
            assert transfer["state"] == "paid" or payout.state != "paid"
            assert transfer["state"] == "declined" or payout.state not in NOT_SENT
