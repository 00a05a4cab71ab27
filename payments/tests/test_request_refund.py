from collections.abc import Callable

import pytest
from django.db import IntegrityError
from django.db.models import F

from accounts.models import User
from coupon_site.errors import IllegalTransition
from events.models import OutboxMessage
from payments.errors import RefundKeyReused, RefundTooLarge
from payments.models import Payment, PaymentState, Refund, RefundState
from payments.services import apply_payment_event, apply_report, cancel_refund, request_refund, retry_refund
from payments.tests.conftest import Books
from payments.tests.factories import captured, charge_report, refund_report

pytestmark = pytest.mark.django_db
Ask = Callable[..., Refund]
SEND = "payments.services.refund_delivery.send_refund"


@pytest.fixture
def ask(captured_payment: Payment) -> Ask:
    """A refund of the captured payment."""

    def refund(amount_minor: int = 2000, key: str = "one") -> Refund:
        return request_refund(payment=captured_payment, amount_minor=amount_minor, reason="asked", key=key)

    return refund


def on_its_way(refund: Refund) -> Refund:
    Refund.objects.filter(pk=refund.pk).update(state=RefundState.IN_TRANSIT)
    refund.refresh_from_db()
    return refund


def test_new_refund__sets_its_amount_aside_and_is_sent_by_a_worker(
    ask: Ask, captured_payment: Payment, broken: Books
) -> None:
    refund = ask(1500)

    captured_payment.refresh_from_db()
    assert (refund.state, refund.amount_minor) == (RefundState.CREATED, 1500)
    assert (captured_payment.refunding_minor, captured_payment.refundable_minor) == (1500, 500)
    assert OutboxMessage.objects.get(handler=SEND).payload == {"refund": str(refund.public_id)}
    assert broken() == {}


def test_same_key__is_the_same_refund(ask: Ask, captured_payment: Payment) -> None:
    assert ask(500) == ask(500)

    captured_payment.refresh_from_db()
    assert captured_payment.refunding_minor == 500
    assert OutboxMessage.objects.filter(handler=SEND).count() == 1


def test_same_key_for_something_else__is_refused(ask: Ask, user: User) -> None:
    ask(500)

    with pytest.raises(RefundKeyReused):
        ask(501)
    with pytest.raises(RefundKeyReused):
        request_refund(payment=captured(user), amount_minor=500, reason="asked", key="one")


def test_more_than_is_left__is_refused(ask: Ask, captured_payment: Payment, broken: Books) -> None:
    ask(1500)

    with pytest.raises(RefundTooLarge) as refusal:
        ask(501, key="two")

    assert refusal.value.context == {"left_minor": 500}
    assert Refund.objects.count() == 1
    assert broken() == {}


def test_payment_without_money__has_none_to_give(payment: Payment) -> None:
    with pytest.raises(RefundTooLarge):
        request_refund(payment=payment, amount_minor=1, reason="asked", key="one")


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing__is_no_refund(ask: Ask, amount: int) -> None:
    with pytest.raises(ValueError, match="gives something back"):
        ask(amount)


def test_part_done__is_a_partly_refunded_payment(ask: Ask, captured_payment: Payment, broken: Books) -> None:
    apply_payment_event(event=refund_report(on_its_way(ask(500))))

    refund = Refund.objects.get()
    captured_payment.refresh_from_db()
    assert (refund.state, refund.provider_ref) == (RefundState.DONE, f"sbx_re_{refund.pk}")
    assert refund.done_at is not None
    assert captured_payment.state == PaymentState.PARTLY_REFUNDED
    assert (captured_payment.refunding_minor, captured_payment.refunded_minor) == (0, 500)
    assert broken() == {}


def test_parts_up_to_the_whole__end_refunded(ask: Ask, captured_payment: Payment, broken: Books) -> None:
    refunds = [on_its_way(ask(amount, key=str(amount))) for amount in (500, 700, 800)]

    for refund in refunds:
        apply_payment_event(event=refund_report(refund))

    captured_payment.refresh_from_db()
    assert (captured_payment.state, captured_payment.refunded_minor) == (PaymentState.REFUNDED, 2000)
    assert broken() == {}


def test_done_twice__is_booked_once(ask: Ask, captured_payment: Payment) -> None:
    refund = on_its_way(ask(500))

    answers = [apply_report(event=refund_report(refund)).is_news for _ in range(2)]

    captured_payment.refresh_from_db()
    assert answers == [True, False]
    assert captured_payment.refunded_minor == 500


def test_money_of_a_payment_that_was_given_up__is_booked_without_a_move(payment: Payment, broken: Books) -> None:
    Payment.objects.update(state=PaymentState.FAILED)
    apply_payment_event(event=charge_report(payment))

    apply_payment_event(event=refund_report(on_its_way(Refund.objects.get())))

    payment.refresh_from_db()
    assert (payment.state, payment.refunded_minor, payment.refunding_minor) == (PaymentState.FAILED, 2000, 0)
    assert broken() == {}


def test_failed__keeps_its_amount_until_it_is_sent_again(ask: Ask, captured_payment: Payment, broken: Books) -> None:
    refund = on_its_way(ask(500))
    apply_payment_event(event=refund_report(refund, RefundState.FAILED, failure_code="account_closed"))
    refund.refresh_from_db()
    captured_payment.refresh_from_db()
    assert (refund.state, refund.failure_code, captured_payment.refunding_minor) == ("failed", "account_closed", 500)

    retry_refund(refund=refund)

    refund.refresh_from_db()
    assert (refund.state, refund.failure_code) == (RefundState.IN_TRANSIT, "")
    assert OutboxMessage.objects.filter(handler=SEND).count() == 2
    assert broken() == {}


def test_failed_and_given_up__may_be_asked_back_again(
    ask: Ask, captured_payment: Payment, operator: User, broken: Books
) -> None:
    refund = on_its_way(ask(2000))
    apply_payment_event(event=refund_report(refund, RefundState.FAILED))

    cancel_refund(refund=refund, actor=operator, reason="paid in cash")

    captured_payment.refresh_from_db()
    assert (refund.state, captured_payment.refundable_minor) == (RefundState.CANCELLED, 2000)
    assert ask(2000, key="two").state == RefundState.CREATED
    assert broken() == {}


@pytest.mark.parametrize("state", sorted(set(RefundState) - {RefundState.FAILED}))
def test_any_other_state__is_neither_sent_again_nor_given_up(
    ask: Ask, captured_payment: Payment, state: RefundState
) -> None:
    refund = ask(500)
    Refund.objects.update(state=state)

    with pytest.raises(IllegalTransition):
        retry_refund(refund=refund)
    with pytest.raises(IllegalTransition):
        cancel_refund(refund=refund)

    captured_payment.refresh_from_db()
    assert captured_payment.refunding_minor == 500
    assert OutboxMessage.objects.filter(handler=SEND).count() == 1


def test_database__holds_the_sum_by_itself(captured_payment: Payment) -> None:
    with pytest.raises(IntegrityError, match="payments_payment_refunds_in_captured"):
        Payment.objects.update(refunding_minor=F("captured_minor") + 1)
