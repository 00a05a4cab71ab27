"""What payers, their bank and operators do about payments."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from orders.services import refund_order, retry_payment
from payments.models import Payment, PaymentState, Refund, RefundState
from payments.services import cancel_refund, capture_payment, retry_refund, void_payment
from tests.machine.shop import Shop, of, perhaps, pick


class Paying(Shop):
    def __init__(self) -> None:
        super().__init__()
        self.read_letters: list[bytes] = []

    @precondition(lambda self: self.sold)
    @rule(order=pick, method=st.sampled_from(["card", "card_authorize"]))
    def pay_again(self, order: int, method: str) -> None:
        perhaps(lambda: retry_payment(order=self.an_order(order), method=method, at=self.now))

    # --- The bank ---------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.bank.charges_in("pending"))
    @rule(charge=pick, verdict=st.sampled_from(["captured", "captured", "declined"]))
    def bank_decides(self, charge: int, verdict: str) -> None:
        self.bank.decide(of(self.bank.charges_in("pending"), charge), verdict)

    @precondition(lambda self: self.bank.refunds_in("accepted"))
    @rule(refund=pick)
    def bank_gives_back(self, refund: int) -> None:
        self.bank.finish_refund(of(self.bank.refunds_in("accepted"), refund))

    @precondition(lambda self: self.bank.contestable())
    @rule(charge=pick)
    def payer_disputes(self, charge: int) -> None:
        self.bank.dispute(of(self.bank.contestable(), charge))

    @precondition(lambda self: self.bank.disputes_in("open"))
    @rule(dispute=pick, verdict=st.sampled_from(["won", "lost"]))
    def dispute_ends(self, dispute: int, verdict: str) -> None:
        self.bank.close_dispute(of(self.bank.disputes_in("open"), dispute), verdict)

    @rule()
    def bank_closes_or_opens(self) -> None:
        self.bank.is_open = not self.bank.is_open

    # --- Letters ----------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.bank.letters)
    @rule(letter=pick)
    def letter_arrives(self, letter: int) -> None:
        """In any order."""
        chosen = self.bank.letters.pop(letter % len(self.bank.letters))
        self.read_letters.append(chosen)
        self.bank.post(chosen)

    @precondition(lambda self: self.read_letters)
    @rule(letter=pick)
    def letter_arrives_again(self, letter: int) -> None:
        self.bank.post(of(self.read_letters, letter))

    @precondition(lambda self: self.bank.letters)
    @rule()
    def all_letters_arrive(self) -> None:
        self.post_all()

    # --- Operators --------------------------------------------------------------------------------------------------
    @precondition(lambda self: any(row.state == "authorized" for row in self.facts.payments))
    @rule(payment=pick, verb=st.sampled_from([capture_payment, capture_payment, void_payment]))
    def authorized_payment_is_looked_at(self, payment: int, verb: type[object]) -> None:
        chosen = of(Payment.objects.filter(state=PaymentState.AUTHORIZED).order_by("pk"), payment)
        perhaps(lambda: verb(payment=chosen))  # type: ignore[call-arg]

    @precondition(lambda self: self.sold)
    @rule(order=pick, part=st.none() | st.integers(1, 1500))
    def refund(self, order: int, part: int | None) -> None:
        chosen = self.an_order(order)
        perhaps(lambda: refund_order(order=chosen, amount_minor=part, key=f"{chosen.pk} {self.now} {part}"))

    @precondition(lambda self: self.facts.failed_refunds)
    @rule(verb=st.sampled_from([retry_refund, cancel_refund]))
    def failed_refund_is_looked_at(self, verb: type[object]) -> None:
        refund = Refund.objects.filter(state=RefundState.FAILED).earliest("pk")
        perhaps(lambda: verb(refund=refund))  # type: ignore[call-arg]
