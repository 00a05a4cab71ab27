"""What operators do in the admin goes through the services."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxEvent
from orders.models import FlashSale, Merchant, Offer, Order
from orders.services import cancel_order
from orders.tests.factories import new_merchant, new_offer, new_order, new_sale
from payments.models import Refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(operator: User, client: Client) -> Client:
    """An operator, signed in."""
    client.force_login(operator)
    return client


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def when(name: str, moment: Any) -> dict[str, str]:
    return {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M:%S}"}


@pytest.mark.parametrize("model", ["merchant", "offer", "flashsale", "order"])
def test_lists_and_pages__open(desk: Client, paid_order: Order, model: str) -> None:
    rows = {"merchant": Merchant, "offer": Offer, "flashsale": FlashSale, "order": Order}

    row = rows[model]._default_manager.get()

    assert desk.get(f"/admin/orders/{model}/").status_code == 200
    assert desk.get(f"/admin/orders/{model}/?q=x").status_code == 200
    assert desk.get(f"/admin/orders/{model}/{row.pk}/change/").status_code == 200
    expected = 403 if model == "order" else 200
    assert desk.get(f"/admin/orders/{model}/add/").status_code == expected


def test_order_page__shows_its_history_and_payments(desk: Client, operator: User, order: Order) -> None:
    cancel_order(order=order, actor=operator, reason="asked by phone")

    page = desk.get(f"/admin/orders/order/{order.pk}/change/").content.decode()

    assert "State history" in page
    assert page.index("reserved", page.index("State history")) < page.index("cancelled", page.index("State history"))
    assert "asked by phone" in page
    assert operator.email in page


def test_cancel_action__cancels_what_it_may_and_says_what_not(
    desk: Client, operator: User, user: User, sale: FlashSale, paid_order: Order
) -> None:
    order = new_order(user, sale)

    answer = desk.post(
        "/admin/orders/order/",
        {"action": "cancel_selected", "_selected_action": [order.pk, paid_order.pk], "confirmed": "yes"},
    )

    order.refresh_from_db()
    paid_order.refresh_from_db()
    assert (order.state, paid_order.state) == ("cancelled", "paid")
    assert StateChange.objects.get(object_id=order.public_id).actor == operator
    assert OutboxEvent.objects.filter(event_type="order.cancelled").count() == 1
    [message] = said(answer)
    assert message.startswith(paid_order.number)


def test_refund_action__gives_the_rest_back(desk: Client, operator: User, order: Order, paid_order: Order) -> None:
    desk.post(
        "/admin/orders/order/", {"action": "refund_selected", "_selected_action": [paid_order.pk], "confirmed": "yes"}
    )

    paid_order.refresh_from_db()
    assert paid_order.state == "refunded"
    assert Refund.objects.get().requested_by == operator


def test_what_can_not_be_undone__is_asked_first(desk: Client, order: Order, paid_order: Order) -> None:
    asked = desk.post("/admin/orders/order/", {"action": "refund_selected", "_selected_action": [paid_order.pk]})

    page = asked.content.decode()
    for text in ("Refund what is left of selected paid orders?", "The money goes back", paid_order.number, "1 order"):
        assert text in page
    assert not Refund.objects.exists()


def test_answer_for_a_whole_list__does_it_to_all_of_it(desk: Client, user: User) -> None:
    orders = [new_order(user, new_sale()) for _ in range(12)]
    chosen = {"action": "cancel_selected", "_selected_action": [orders[0].pk], "select_across": "1", "index": "0"}

    asked: Any = desk.post("/admin/orders/order/?state__exact=reserved", chosen)
    assert "12 orders" in asked.content.decode()
    assert "and 2 more" in asked.content.decode()
    fields = re.findall(r'type="hidden" name="(\w+)" value="(\w+)"', asked.content.decode())
    desk.post("/admin/orders/order/?state__exact=reserved", dict(fields))

    assert set(Order.objects.values_list("state", flat=True)) == {"cancelled"}


def test_clerk_who_may_only_look__has_no_actions(make_user: Any, client: Client, order: Order) -> None:
    client.force_login(make_user(groups=["finance"], is_staff=True))

    client.post(
        "/admin/orders/order/", {"action": "cancel_selected", "_selected_action": [order.pk], "confirmed": "yes"}
    )

    order.refresh_from_db()
    assert order.state == "reserved"


def test_new_merchant__is_made_with_its_people(desk: Client, user: User) -> None:
    answer = desk.post(
        "/admin/orders/merchant/add/", {"name": "Bistro", "timezone": "Europe/Berlin", "members": [user.pk]}
    )

    merchant = Merchant.objects.get()
    assert answer.status_code == 302
    assert (merchant.name, merchant.timezone, list(merchant.members.all())) == ("Bistro", "Europe/Berlin", [user])


def test_changed_merchant__is_changed(desk: Client) -> None:
    merchant = new_merchant()

    desk.post(f"/admin/orders/merchant/{merchant.pk}/change/", {"name": "Trattoria", "timezone": "UTC", "members": []})

    merchant.refresh_from_db()
    assert merchant.name == "Trattoria"


OFFER = {
    "title": "Tea",
    "description": "",
    "is_published": "on",
    "value_minor": 500,
    "price_minor": 300,
    "cashback_basis_points": 100,
    "valid_days": 30,
    "uses_per_voucher": 1,
    "gift_policy": "allowed",
    "void_window_seconds": 60,
}


def test_new_offer__comes_with_its_ordinary_sale(desk: Client) -> None:
    merchant = new_merchant()

    answer = desk.post(
        "/admin/orders/offer/add/",
        {**OFFER, "merchant": merchant.pk, "currency": "EUR", "stock": 40, "per_buyer_limit": 2},
    )

    offer = Offer.objects.get()
    sale = offer.sales.get()
    assert answer.status_code == 302
    assert (offer.merchant, offer.currency, offer.valid_days) == (merchant, "EUR", 30)
    assert (sale.ends_at, sale.per_buyer_limit, sale.stock.get().total) == (None, 2, 40)


def test_changed_offer__takes_its_ordinary_sale_along(desk: Client) -> None:
    offer = new_offer(stock=1)

    desk.post(f"/admin/orders/offer/{offer.pk}/change/", OFFER)

    offer.refresh_from_db()
    assert (offer.title, offer.price_minor, offer.currency) == ("Tea", 300, "GBP")
    assert offer.sales.get().price_minor == 300


def test_offer_that_can_not_be__stays_a_form(desk: Client) -> None:
    answer = desk.post("/admin/orders/offer/add/", {**OFFER, "merchant": new_merchant().pk, "currency": "eur"})

    assert answer.status_code == 200
    assert not Offer.objects.exists()


def test_new_sale__has_its_units(desk: Client) -> None:
    offer, now = new_offer(), timezone.now().replace(microsecond=0)
    terms = {"offer": offer.pk, "title": "Friday", "price_minor": 900, "per_buyer_limit": 1, "stock": 25, "buckets": 2}
    window = {**when("starts_at", now), **when("ends_at", now + timedelta(hours=1))}

    answer = desk.post("/admin/orders/flashsale/add/", {**terms, **window})

    sale = FlashSale.objects.get()
    assert answer.status_code == 302
    assert (sale.title, sale.starts_at, sale.ends_at) == ("Friday", now, now + timedelta(hours=1))
    assert sorted(bucket.total for bucket in sale.stock.all()) == [12, 13]


@pytest.mark.parametrize(("units", "total"), [(5, 15), (-9, 10)])
def test_more_units__are_added_unless_somebody_has_them(
    desk: Client, order: Order, sale: FlashSale, units: int, total: int
) -> None:
    inline = {"stock-TOTAL_FORMS": 0, "stock-INITIAL_FORMS": 0}

    answer = desk.post(f"/admin/orders/flashsale/{sale.pk}/change/", {"more_units": units, **inline})

    assert sale.stock.get().total == total
    assert any("not changed" in message for message in said(answer)) == (total == 10)


def test_close_action__ends_sales(desk: Client, sale: FlashSale) -> None:
    other = new_sale()

    desk.post("/admin/orders/flashsale/", {"action": "close", "_selected_action": [sale.pk], "confirmed": "yes"})

    sale.refresh_from_db()
    other.refresh_from_db()
    assert sale.closed_at is not None
    assert other.closed_at is None
