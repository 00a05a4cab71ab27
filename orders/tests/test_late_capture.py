"""Money and the expiry sweep at the same time, in every order: the order is paid, or the money goes back."""

import pytest

from accounts.models import User
from conftest import MakeUser
from orders.models import FlashSale, Order, OrderState
from orders.services import confirm_order, expire_orders
from orders.tests.conftest import Books
from orders.tests.factories import captured_payment, new_order, new_sale
from payments.models import Payment, Refund
from payments.tests.interleavings import Interleave

pytestmark = pytest.mark.django_db(transaction=True)

SELL = "orders.services.settlement.sell"
HERE = "orders.tests.test_late_capture.confirm_order"


@pytest.fixture
def interleave(monkeypatch: pytest.MonkeyPatch) -> Interleave:
    return Interleave(monkeypatch)


@pytest.fixture
def sale(db: None) -> FlashSale:
    return new_sale(stock=2)


@pytest.fixture
def payment(order: Order) -> Payment:
    return captured_payment(order)


def settle(payment: Payment) -> Order:
    order = Order.objects.get(public_id=payment.reference)
    return confirm_order(order=order, captured_minor=payment.captured_minor, payment=payment)


def is_paid(order: Order, sale: FlashSale) -> bool:
    order.refresh_from_db()
    bucket = sale.stock.get()
    return (order.state, bucket.reserved, bucket.sold) == (OrderState.PAID, 0, 2) and not Refund.objects.exists()


def test_sweep_before_the_moneys_lock__stock_is_taken_again(
    order: Order, sale: FlashSale, payment: Payment, interleave: Interleave, broken: Books
) -> None:
    told = interleave(lambda: settle(payment), lambda: expire_orders(at=order.expires_at), at=HERE)

    assert (told.second, told.second_waited) == (1, False)
    assert is_paid(order, sale)
    assert broken() == {}


@pytest.mark.parametrize("after", [False, True], ids=["unsold", "sold, not committed"])
def test_sweep_while_the_money_sells__leaves_the_order_alone(
    order: Order, payment: Payment, interleave: Interleave, broken: Books, *, after: bool
) -> None:
    told = interleave(lambda: settle(payment), lambda: expire_orders(at=order.expires_at), at=SELL, after=after)

    order.refresh_from_db()
    assert (told.second, told.second_waited, order.state) == (0, False, OrderState.PAID)
    assert broken() == {}


@pytest.mark.parametrize("place", ["release", "publish_many"])
def test_money_while_the_sweep_closes__waits_and_takes_stock_again(
    order: Order, payment: Payment, interleave: Interleave, broken: Books, place: str
) -> None:
    told = interleave(
        lambda: expire_orders(at=order.expires_at), lambda: settle(payment), at=f"orders.services.closing.{place}"
    )

    order.refresh_from_db()
    assert (told.first, told.second_waited, order.state) == (1, True, OrderState.PAID)
    assert broken() == {}


def test_somebody_else_takes_the_stock_first__the_money_goes_back(
    make_user: MakeUser, order: Order, sale: FlashSale, payment: Payment, interleave: Interleave
) -> None:
    other: list[Order] = []

    def expire_and_sell() -> None:
        expire_orders(at=order.expires_at)
        other.append(new_order(make_user(), sale, quantity=2))

    interleave(lambda: settle(payment), expire_and_sell, at=HERE)

    order.refresh_from_db()
    assert order.state == OrderState.REFUNDED
    assert Refund.objects.get().amount_minor == 2000
    assert (sale.stock.get().reserved, other[0].state) == (2, "reserved")


def test_buyer_and_late_money_for_the_last_units__one_gets_them(
    make_user: MakeUser, order: Order, sale: FlashSale, payment: Payment, interleave: Interleave
) -> None:
    expire_orders(at=order.expires_at)
    buyer = make_user()

    with pytest.raises(AssertionError, match="Sold out"):
        interleave(lambda: settle(payment), lambda: new_order(buyer, sale, quantity=2), at=SELL)

    assert is_paid(order, sale)


def test_same_money_twice_at_once__is_one_sale(
    user: User, order: Order, sale: FlashSale, payment: Payment, interleave: Interleave
) -> None:
    expire_orders(at=order.expires_at)

    told = interleave(lambda: settle(payment), lambda: settle(payment), at=SELL)

    assert told.second_waited
    assert is_paid(order, sale)
