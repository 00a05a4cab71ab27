"""Orders that were bought as gifts."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from cashback.models import CashbackEvent
from coupon_site.models import StateChange
from orders.gifts import GiftMode, GiftWish
from orders.models import FlashSale, GiftPolicy, Order, OrderLine
from orders.services import LineRequest, ReserveRequest, confirm_order, refund_order, reserve
from orders.tests.factories import captured_payment, new_offer, new_order, new_sale
from vouchers.errors import VouchersUsed
from vouchers.models import Gift, Voucher
from vouchers.services import issue_vouchers
from vouchers.tests.conftest import Books
from vouchers.tests.factories import accepted, claim, new_till, new_wish

pytestmark = pytest.mark.django_db


def order_of(buyer: User, *lines: LineRequest) -> Order:
    [order] = reserve(requests=[ReserveRequest(buyer=buyer, lines=lines)], at=timezone.now())
    assert isinstance(order, Order), order
    return order


def paid(order: Order) -> list[Voucher]:
    confirm_order(order=order, captured_minor=order.total_minor, payment=captured_payment(order))
    return issue_vouchers(order=order.public_id, at=timezone.now())


def gift_line(sale: FlashSale, *, quantity: int = 1, wish: GiftWish | None = None) -> LineRequest:
    return LineRequest(sale=sale.public_id, quantity=quantity, gift=wish or new_wish(message="Enjoy!"))


def test_paid__is_one_gift_per_unit(user: User, sale: FlashSale, broken: Books) -> None:
    vouchers = paid(order_of(user, gift_line(sale, quantity=2), LineRequest(sale=sale.public_id, quantity=1)))

    gifts = list(Gift.objects.order_by("id"))
    moves = StateChange.objects.filter(object_id=vouchers[0].public_id).values_list("from_state", "to_state")
    assert [voucher.state for voucher in vouchers] == ["gift_locked", "gift_locked", "active"]
    assert [(gift.voucher_id, gift.giver, gift.state, gift.message) for gift in gifts] == [
        (voucher.pk, user, "sent", "Enjoy!") for voucher in vouchers[:2]
    ]
    assert list(moves) == [("issued", "gift_locked")]
    assert broken() == {}


def test_told_twice__is_once(user: User, sale: FlashSale) -> None:
    order = order_of(user, gift_line(sale, wish=new_wish(mode=GiftMode.EMAIL)))
    paid(order)

    issue_vouchers(order=order.public_id, at=timezone.now())

    assert Gift.objects.count() == 1


def test_wish__survives_the_order(user: User, sale: FlashSale) -> None:
    wish = new_wish(mode=GiftMode.DATE, theme="christmas", recipient_name="Ada", recipient_email="ada@example.com")

    paid(order_of(user, gift_line(sale, wish=wish)))

    gift = Gift.objects.get()
    assert GiftWish.from_json(OrderLine.objects.get().gift) == wish
    assert (gift.deliver_at, gift.theme, gift.recipient_email) == (wish.deliver_at, "christmas", "ada@example.com")
    assert gift.state == "scheduled"


def test_unpaid__gives_nothing(user: User, sale: FlashSale) -> None:
    order_of(user, gift_line(sale))

    assert not Gift.objects.exists()


def test_cashback__is_the_buyers(
    user: User, make_user: Callable[..., User], drain: Callable[[], int], broken: Books
) -> None:
    sale = new_sale(offer=new_offer(cashback_basis_points=1000))
    order = order_of(user, gift_line(sale))
    confirm_order(order=order, captured_minor=order.total_minor, payment=captured_payment(order))
    drain()

    claim(Gift.objects.get(), claimer=make_user())

    assert CashbackEvent.objects.get().buyer == user
    assert broken() == {}


@pytest.mark.parametrize("opened", [True, False])
def test_refund__takes_gifts_back_that_nobody_used(user: User, sale: FlashSale, opened: bool, broken: Books) -> None:
    order = order_of(user, gift_line(sale))
    paid(order)
    if opened:
        claim(Gift.objects.get())

    refund_order(order=order)

    assert Voucher.objects.get().state == "cancelled"
    assert Gift.objects.get().state == ("claimed" if opened else "returned")
    assert broken() == {}


def test_refund_of_a_used_gift__is_refused_and_the_others_stay(user: User, sale: FlashSale, broken: Books) -> None:
    order = order_of(user, gift_line(sale, quantity=2))
    paid(order)
    used, closed = Gift.objects.order_by("id")
    claim(used)
    accepted(new_till(used.voucher.merchant), Voucher.objects.get(pk=used.voucher_id))

    with pytest.raises(VouchersUsed):
        refund_order(order=order)

    closed.refresh_from_db()
    assert closed.state == "sent"
    assert broken() == {}


# --- the door ---


@pytest.fixture
def buyer(user: User, api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(user)


def buy(buyer: APIClient, *lines: dict[str, object]):
    return buyer.post("/api/v1/orders/", {"lines": lines}, headers={"Idempotency-Key": uuid4().hex})


def test_order__shows_the_wish_with_its_line(buyer: APIClient, sale: FlashSale) -> None:
    wish = {"mode": "email", "theme": "thanks", "message": "Merci", "recipient_email": "ada@example.com"}

    answer = buy(buyer, {"sale": str(sale.public_id), "quantity": 2, "gift": wish}, {"sale": str(sale.public_id)})

    assert answer.status_code == 201, answer.content
    gift, own = answer.json()["lines"]
    assert gift["gift"] == {**wish, "recipient_name": "", "deliver_at": None}
    assert own["gift"] is None


@pytest.mark.parametrize(
    "gift", [{}, [], "x", 1, {"mode": "email"}, {"mode": "link", "surprise": 1}, {"mode": "date"}, {"mode": None}]
)
def test_wish_that_makes_no_sense__is_refused(buyer: APIClient, sale: FlashSale, gift: object) -> None:
    answer = buy(buyer, {"sale": str(sale.public_id), "gift": gift})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not Order.objects.exists()


def test_too_many_gifts_in_a_line__are_refused(buyer: APIClient, sale: FlashSale) -> None:
    answer = buy(buyer, {"sale": str(sale.public_id), "quantity": 51, "gift": {"mode": "link"}})

    assert answer.status_code == 400


def test_same_sale_twice_without_gifts__is_refused(buyer: APIClient, sale: FlashSale) -> None:
    line = {"sale": str(sale.public_id)}

    assert buy(buyer, line, line).status_code == 400
    assert buy(buyer, line, {**line, "gift": {"mode": "link"}}).status_code == 201


def test_offer_for_the_buyer_only__is_refused(buyer: APIClient) -> None:
    sale = new_sale(offer=new_offer(gift_policy=GiftPolicy.FORBIDDEN))

    answer = buy(buyer, {"sale": str(sale.public_id), "gift": {"mode": "link"}})

    assert (answer.status_code, answer.json()["code"]) == (409, "not_giftable")
    assert buy(buyer, {"sale": str(sale.public_id)}).status_code == 201


def test_day_after_the_last_of_the_offer__is_refused(buyer: APIClient) -> None:
    sale = new_sale(offer=new_offer(valid_days=5))
    late = (timezone.now() + timedelta(days=10)).isoformat()

    answer = buy(buyer, {"sale": str(sale.public_id), "gift": {"mode": "date", "deliver_at": late}})

    assert (answer.status_code, answer.json()["code"]) == (409, "not_giftable")


def test_wishes__cost_no_statement_more(
    user: User, sale: FlashSale, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    new_order(user, sale)
    plain = ReserveRequest(buyer=user, lines=(LineRequest(sale=sale.public_id, quantity=1),))
    wished = ReserveRequest(buyer=user, lines=(gift_line(sale), gift_line(sale)))
    with CaptureQueriesContext(connection) as counted:
        reserve(requests=[plain], at=timezone.now())

    with django_assert_num_queries(len(counted)):
        reserve(requests=[wished, wished], at=timezone.now())
