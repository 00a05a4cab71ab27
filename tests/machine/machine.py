"""All of it together, and what holds after each step."""

from collections import Counter

from django.db.models import F, Sum
from hypothesis.stateful import invariant

from cashback.models import Account, CashbackEvent, Payout, PayoutState
from cashback.models.events import FINAL_STATES
from events.models import MessageState, OutboxEvent, OutboxMessage
from events.services import drain
from orders.models import Order, OrderState, SaleStock
from payments.models import Payment, PaymentState, Refund, RefundState
from tests.machine.giving import Giving
from tests.machine.paying import Paying
from tests.machine.wallet import Wallet
from vouchers.models import Voucher

SOLD = (OrderState.PAID, OrderState.FULFILLED)
CONTESTED = (PaymentState.DISPUTED, PaymentState.CHARGED_BACK)
LIVE = (OrderState.RESERVED, OrderState.PAID, OrderState.FULFILLED)
NOTHING = {"captured_minor": 0, "refunded_minor": 0}
GIVEN_BACK = (PayoutState.REQUESTED, PayoutState.APPROVED, PayoutState.REJECTED, PayoutState.RETURNED)


class MoneyMachine(Paying, Giving, Wallet):
    """The model is small on purpose: sums that anybody can follow, kept beside the product's own."""

    @invariant()
    def books_agree(self) -> None:
        """After the outbox is worked off, as far as it is due."""
        self.steps_done += 1
        drain()
        OutboxEvent.objects.all()._raw_delete("default")  # for browsers: a relay has been here
        broken = self.world.books.broken()
        if self.swept_at != self.now:
            broken.pop("gifts_overdue", None)  # the sweeps' to end
        assert broken == {}
        self.look_around()

    @invariant()
    def nothing_is_given_up(self) -> None:
        assert not OutboxMessage.objects.filter(state=MessageState.DEAD).exists()

    @invariant()
    def no_more_units_are_sold_than_there_are(self) -> None:
        states = dict(Order.objects.values_list("public_id", "state"))
        units: Counter[int] = Counter()
        for order, sold in self.sold.items():
            for sale, quantity in sold.units.items():
                units[sale.pk] += quantity * (states[order] in LIVE)
        for sale, total, reserved, gone in SaleStock.objects.values_list("sale", "total", "reserved", "sold"):
            assert reserved + gone == units[sale] <= total

    @invariant()
    def money_that_came_was_sold_for_or_went_back(self) -> None:
        """What the bank has of us, what the site says that it keeps, and what was sold for it."""
        refunds = dict(
            Refund.objects.exclude(state=RefundState.CANCELLED).values_list("payment").annotate(Sum("amount_minor"))
        )
        paid = dict(Order.objects.filter(state__in=SOLD).values_list("paid_by", "public_id"))
        for payment in Payment.objects.only(
            "public_id", "state", "captured_minor", "refunded_minor", "refunding_minor"
        ):
            charge = self.bank.charges.get(str(payment.public_id), NOTHING)
            assert payment.captured_minor in (0, charge["captured_minor"])
            assert (
                payment.refunded_minor <= charge["refunded_minor"] <= payment.refunded_minor + payment.refunding_minor
            )
            if payment.state not in CONTESTED:
                order = paid.get(payment.pk)
                worth = self.sold[order].total_minor - refunds.get(payment.pk, 0) if order else 0
                assert payment.refundable_minor == worth

    @invariant()
    def no_voucher_is_used_too_often(self) -> None:
        for voucher, done, total in Voucher.objects.values_list("pk", "uses_done", "uses_total"):
            assert done == self.uses[voucher] <= total

    @invariant()
    def cashback_is_the_share_of_what_was_kept(self) -> None:
        events = CashbackEvent.objects.filter(order_line__isnull=False).exclude(state__in=FINAL_STATES)
        for event in events.select_related("order_line__order"):
            order = event.order_line.order  # type: ignore[union-attr]
            sold = self.sold[order.public_id]
            if len(sold.units) == 1:
                share = half_up((sold.total_minor - order.refunded_minor) * event.basis_points)
                assert event.original_minor - event.clawed_back_minor == share

    @invariant()
    def nothing_is_spent_that_is_not_there(self) -> None:
        assert not Account.objects.filter(balance_minor__lt=F("floor_minor")).exists()

    @invariant()
    def no_payout_is_sent_twice(self) -> None:
        """One call for each approval or retry, and what the wallet has back the bank has not paid."""
        for payout in Payout.objects.all():
            transfer = self.bank.transfers.get(str(payout.public_id), {"asked": 0, "state": "declined"})
            assert transfer["asked"] <= self.tries[payout.pk]
            assert transfer["state"] == "paid" or payout.state != PayoutState.PAID
            assert transfer["state"] == "declined" or payout.state not in GIVEN_BACK


def half_up(basis_points: int) -> int:
    return (basis_points + 5_000) // 10_000
