import pytest
from prometheus_client import REGISTRY
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import User
from conftest import MakeUser
from coupon_site.models import StateChange
from events.models import OutboxEvent
from orders.models import BuyerAllowance, FlashSale, HoldState, Order, OrderState
from orders.services import cancel_order, confirm_order, expire_orders
from orders.tests.conftest import Books
from orders.tests.factories import captured_payment, new_order, new_sale
from payments.models import Payment, Refund
from payments.tests.races import at_once

pytestmark = pytest.mark.django_db


def events_of(order: Order) -> list[str]:
    facts = OutboxEvent.objects.filter(aggregate_id=str(order.public_id)).order_by("id")
    return list(facts.values_list("event_type", flat=True))


def test_money_for_a_reserved_order__sells_what_it_holds(order: Order, sale: FlashSale, broken: Books) -> None:
    payment = captured_payment(order)

    paid = confirm_order(order=order, captured_minor=2000, payment=payment)

    bucket = sale.stock.get()
    assert (paid.state, paid.paid_by) == (OrderState.PAID, payment)
    assert paid.paid_at is not None
    assert (bucket.reserved, bucket.sold) == (0, 2)
    assert order.lines.get().hold.state == HoldState.SOLD
    assert BuyerAllowance.objects.get().quantity == 2
    assert events_of(order) == ["order.reserved", "order.paid"]
    assert broken() == {}


def test_told_twice__is_paid_once(paid_order: Order, sale: FlashSale, broken: Books) -> None:
    again = confirm_order(order=paid_order, captured_minor=2000, payment=paid_order.paid_by)

    assert again.state == OrderState.PAID
    assert sale.stock.get().sold == 2
    assert events_of(paid_order) == ["order.reserved", "order.paid"]
    assert not Refund.objects.exists()
    assert broken() == {}


def test_late_money_and_stock_left__is_taken_again(expired_order: Order, sale: FlashSale, broken: Books) -> None:
    payment = captured_payment(expired_order)

    paid = confirm_order(order=expired_order, captured_minor=2000, payment=payment)

    bucket = sale.stock.get()
    assert paid.state == OrderState.PAID
    assert (bucket.reserved, bucket.sold) == (0, 2)
    assert BuyerAllowance.objects.get().quantity == 2
    assert events_of(paid) == ["order.reserved", "order.expired", "order.paid"]
    assert StateChange.objects.get(to_state="paid").reason == "late payment, stock taken again"
    assert not Refund.objects.exists()
    assert broken() == {}


def test_late_money_and_nothing_left__goes_back_by_itself(
    make_user: MakeUser, expired_order: Order, sale: FlashSale, broken: Books
) -> None:
    new_order(make_user(), sale, quantity=9)
    payment = captured_payment(expired_order)

    refunded = confirm_order(order=expired_order, captured_minor=2000, payment=payment)

    refund = Refund.objects.get()
    assert refunded.state == OrderState.REFUNDED
    assert (refund.payment, refund.amount_minor, refund.key) == (payment, 2000, f"late:{payment.public_id}")
    assert sale.stock.get().reserved == 9
    assert events_of(refunded) == ["order.reserved", "order.expired", "order.refunded"]
    assert broken() == {}


def test_late_money_of_a_buyer_who_bought_again__goes_back(user: User, broken: Books) -> None:
    sale = new_sale(stock=9, per_buyer_limit=2)
    order = new_order(user, sale, quantity=2)
    expire_orders(at=order.expires_at)
    new_order(user, sale, quantity=1)
    payment = captured_payment(order)

    refunded = confirm_order(order=order, captured_minor=2000, payment=payment)

    assert refunded.state == OrderState.REFUNDED
    assert Refund.objects.get().amount_minor == 2000
    assert sale.stock.get().reserved == 1
    assert broken() == {}


def test_late_money__takes_another_bucket_when_its_own_is_empty(make_user: MakeUser, broken: Books) -> None:
    sale = new_sale(stock=4, buckets=2)
    order = new_order(make_user(), sale, quantity=2)
    expire_orders(at=order.expires_at)
    new_order(make_user(), sale, quantity=2)

    paid = confirm_order(order=order, captured_minor=2000, payment=captured_payment(order))

    assert paid.state == OrderState.PAID
    assert [(bucket.reserved, bucket.sold) for bucket in sale.stock.order_by("bucket")] == [(2, 0), (0, 2)]
    assert broken() == {}


def test_money_for_a_cancelled_order__goes_back_and_the_order_stays(order: Order, user: User, broken: Books) -> None:
    cancel_order(order=order, actor=user)
    payment = captured_payment(order)

    cancelled = confirm_order(order=order, captured_minor=2000, payment=payment)

    assert cancelled.state == OrderState.CANCELLED
    assert Refund.objects.get().amount_minor == 2000
    assert broken() == {}


def test_second_money_for_a_paid_order__goes_back(paid_order: Order, broken: Books) -> None:
    Payment.objects.filter(reference=paid_order.public_id).update(reference=Payment.objects.get().public_id)
    second = captured_payment(paid_order)

    confirm_order(order=paid_order, captured_minor=2000, payment=second)

    refund = Refund.objects.get()
    assert (refund.payment, refund.amount_minor) == (second, 2000)
    assert events_of(paid_order) == ["order.reserved", "order.paid"]
    assert broken() == {}


def test_another_sum_than_asked_for__goes_back_and_the_order_waits(order: Order, broken: Books) -> None:
    payment = captured_payment(order, amount_minor=1999)

    unpaid = confirm_order(order=order, captured_minor=1999, payment=payment)

    assert unpaid.state == OrderState.RESERVED
    assert Refund.objects.get().amount_minor == 1999
    assert broken() == {}


def test_free_order__needs_no_payment(user: User, broken: Books) -> None:
    order = new_order(user, new_sale(price_minor=0))

    paid = confirm_order(order=order, captured_minor=0)

    assert (paid.state, paid.paid_by) == (OrderState.PAID, None)
    assert broken() == {}


def test_counter__tells_success(
    order: Order, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    before = REGISTRY.get_sample_value("orders_total", {"status": "success"}) or 0

    with django_capture_on_commit_callbacks(execute=True):
        confirm_order(order=order, captured_minor=2000, payment=captured_payment(order))

    assert REGISTRY.get_sample_value("orders_total", {"status": "success"}) == before + 1


@pytest.mark.django_db(transaction=True)
def test_money_and_cancellation_at_once__end_in_one_story(order: Order, user: User, broken: Books) -> None:
    payment = captured_payment(order)

    at_once(
        [
            lambda: confirm_order(order=order, captured_minor=2000, payment=payment),
            lambda: cancel_order(order=order, actor=user),
        ]
    )

    order.refresh_from_db()
    assert order.state in {"paid", "cancelled"}
    assert Refund.objects.count() == (order.state == "cancelled")
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_money_and_expiry_at_once__end_paid(order: Order, sale: FlashSale, broken: Books) -> None:
    payment = captured_payment(order)

    at_once(
        [
            lambda: confirm_order(order=order, captured_minor=2000, payment=payment),
            lambda: expire_orders(at=order.expires_at),
        ]
    )

    order.refresh_from_db()
    assert order.state == OrderState.PAID
    assert sale.stock.get().sold == 2
    assert broken() == {}
