from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from accounts.models import User
from coupon_site.errors import DomainError
from coupon_site.models import StateChange
from events.models import OutboxEvent, OutboxMessage
from orders.errors import NotRefundable
from orders.models import BuyerAllowance, FlashSale, Order, OrderState
from orders.services import before_refund, refund_order, refunding
from orders.tests.conftest import Books
from payments.errors import RefundKeyReused, RefundTooLarge
from payments.models import Payment, Refund, RefundState
from payments.providers import RefundReport
from payments.services import apply_payment_event
from payments.tests.races import at_once

pytestmark = pytest.mark.django_db
Drain = Callable[[], int]


@pytest.fixture
def undone() -> Iterator[list[Order]]:
    """Orders that an app above was asked to undo."""
    orders: list[Order] = []
    before_refund(orders.append)
    yield orders
    refunding._undoes.remove(orders.append)


def bank_confirms(refund: Refund) -> None:
    """The provider's word that the money has gone back."""
    Refund.objects.filter(pk=refund.pk).update(state=RefundState.IN_TRANSIT)
    report = RefundReport(
        provider="sandbox", refund=refund.public_id, provider_ref=f"re_{refund.pk}", state=RefundState.DONE
    )
    apply_payment_event(event=report)


def test_whole_sum__undoes_the_order_and_frees_its_units(
    paid_order: Order, operator: User, sale: FlashSale, undone: list[Order], broken: Books
) -> None:
    refund = refund_order(order=paid_order, actor=operator, reason="no longer wanted")

    paid_order.refresh_from_db()
    bucket = sale.stock.get()
    assert (refund.amount_minor, refund.reason, refund.requested_by) == (2000, "no longer wanted", operator)
    assert paid_order.state == OrderState.REFUNDED
    assert undone == [paid_order]
    assert (bucket.reserved, bucket.sold) == (0, 0)
    assert BuyerAllowance.objects.get().quantity == 0
    assert StateChange.objects.get(to_state="refunded").actor == operator
    assert OutboxEvent.objects.filter(event_type="order.refunded").count() == 1
    assert broken() == {}


def test_app_above_objects__nothing_is_refunded(fulfilled_order: Order, sale: FlashSale) -> None:
    class Used(DomainError):
        code = "used"

    @before_refund
    def refuse(order: Order) -> None:
        raise Used

    try:
        with pytest.raises(Used):
            refund_order(order=fulfilled_order)
    finally:
        refunding._undoes.remove(refuse)

    fulfilled_order.refresh_from_db()
    assert fulfilled_order.state == OrderState.FULFILLED
    assert sale.stock.get().sold == 2
    assert not Refund.objects.exists()
    assert Payment.objects.get().refunding_minor == 0


def test_part_of_the_sum__leaves_the_order_as_it_is(
    fulfilled_order: Order, sale: FlashSale, undone: list[Order], drain: Drain, broken: Books
) -> None:
    refund = refund_order(order=fulfilled_order, amount_minor=500, key="a")
    bank_confirms(refund)
    drain()

    fulfilled_order.refresh_from_db()
    assert (fulfilled_order.state, fulfilled_order.refunded_minor) == (OrderState.FULFILLED, 500)
    assert sale.stock.get().sold == 2
    assert undone == []
    assert OutboxEvent.objects.filter(event_type="order.partly_refunded").count() == 1
    assert broken() == {}


def test_parts_that_make_the_whole__undo_the_order_with_the_last(
    paid_order: Order, undone: list[Order], drain: Drain, broken: Books
) -> None:
    refunds = [refund_order(order=paid_order, amount_minor=amount, key=str(amount)) for amount in (500, 1499, 1)]
    assert undone == [paid_order]

    for refund in reversed(refunds):
        bank_confirms(refund)
    drain()

    paid_order.refresh_from_db()
    assert (paid_order.state, paid_order.refunded_minor) == (OrderState.REFUNDED, 2000)
    assert Payment.objects.get().state == "refunded"
    assert broken() == {}


def test_same_key__is_the_same_refund(paid_order: Order) -> None:
    first, second = (refund_order(order=paid_order, amount_minor=500, key="once") for _ in range(2))

    assert first == second
    assert Payment.objects.get().refunding_minor == 500
    with pytest.raises(RefundKeyReused):
        refund_order(order=paid_order, amount_minor=501, key="once")


def test_more_than_is_left__is_refused(paid_order: Order, broken: Books) -> None:
    refund_order(order=paid_order, amount_minor=1500, key="a")

    with pytest.raises(RefundTooLarge) as refusal:
        refund_order(order=paid_order, amount_minor=501, key="b")

    assert refusal.value.context == {"left_minor": 500}
    assert Refund.objects.count() == 1
    assert broken() == {}


def test_unpaid_order__has_nothing_to_give_back(order: Order) -> None:
    with pytest.raises(NotRefundable):
        refund_order(order=order)


def test_everything_gone_already__is_refused(paid_order: Order) -> None:
    refund_order(order=paid_order)

    with pytest.raises(NotRefundable):
        refund_order(order=paid_order)

    assert Refund.objects.count() == 1


def test_news_of_refunds_in_the_wrong_order__the_highest_sum_stays(paid_order: Order) -> None:
    payment = paid_order.paid_by
    assert payment is not None

    for sum_minor in (700, 300, 700):
        refunding.book_refund(order=paid_order, payment=payment, refunded_minor=sum_minor)

    paid_order.refresh_from_db()
    assert paid_order.refunded_minor == 700
    assert OutboxEvent.objects.filter(event_type="order.partly_refunded").count() == 1


def test_refund_of_a_payment_that_is_not_the_orders__is_none_of_its_business(paid_order: Order) -> None:
    other = Payment.objects.get()
    other.pk, other.public_id, other.provider_ref, other.reference = None, uuid4(), "other", uuid4()
    other.save(force_insert=True)

    refunding.book_refund(order=paid_order, payment=other, refunded_minor=700)

    paid_order.refresh_from_db()
    assert paid_order.refunded_minor == 0


@pytest.mark.django_db(transaction=True)
def test_two_operators_at_once__refund_no_more_than_there_is(paid_order: Order, broken: Books) -> None:
    answers = at_once(
        [lambda key=key: refund_order(order=paid_order, amount_minor=1500, key=key) for key in ("one", "two")]
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["Refund", "RefundTooLarge"]
    assert Payment.objects.get().refunding_minor == 1500
    assert OutboxMessage.objects.filter(handler="payments.services.refund_delivery.send_refund").count() == 1
    assert broken() == {}
