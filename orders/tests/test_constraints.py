"""What the database holds by itself, whoever writes."""

import pytest
from django.db import IntegrityError, models, transaction

from orders.models import BuyerAllowance, FlashSale, Hold, Offer, Order, OrderLine, SaleStock

pytestmark = pytest.mark.django_db

BROKEN = [
    (SaleStock, {"reserved": 11}, "orders_salestock_not_oversold"),
    (SaleStock, {"sold": 9}, "orders_salestock_not_oversold"),
    (SaleStock, {"total": 1}, "orders_salestock_not_oversold"),
    (SaleStock, {"reserved": -1}, "orders_salestock_not_oversold"),
    (SaleStock, {"sold": -1}, "orders_salestock_not_oversold"),
    (BuyerAllowance, {"quantity": 11}, "orders_buyerallowance_in_limit"),
    (BuyerAllowance, {"limit": 1}, "orders_buyerallowance_in_limit"),
    (Order, {"state": "lost"}, "orders_order_state_known"),
    (Order, {"total_minor": -1}, "orders_order_"),
    (Order, {"refunded_minor": 2001}, "orders_order_refund_in_total"),
    (Order, {"refunded_minor": -1}, "orders_order_refund_in_total"),
    (OrderLine, {"quantity": 0}, "orders_orderline_"),
    (OrderLine, {"line_total_minor": 1999}, "orders_orderline_total"),
    (OrderLine, {"discount_minor": 1}, "orders_orderline_total"),
    (Hold, {"state": "lost"}, "orders_hold_state_known"),
    (Hold, {"quantity": 0}, "orders_hold_quantity_positive"),
    (Offer, {"value_minor": 0}, "orders_offer_value_in_range"),
    (Offer, {"price_minor": -1}, "orders_offer_price_in_range"),
    (FlashSale, {"per_buyer_limit": 0}, "orders_flashsale_limit_positive"),
    (FlashSale, {"price_minor": -1}, "orders_flashsale_price_in_range"),
    (FlashSale, {"ends_at": models.F("starts_at")}, "orders_flashsale_ends_after_start"),
]


@pytest.mark.parametrize(("model", "values", "constraint"), BROKEN)
def test_row_that_can_not_be__is_refused(
    order: Order, model: type[models.Model], values: dict[str, object], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        model._default_manager.update(**values)


def test_second_bucket_of_the_same_number__is_refused(sale: FlashSale) -> None:
    with pytest.raises(IntegrityError, match="orders_salestock_bucket"), transaction.atomic():
        SaleStock.objects.create(sale=sale, bucket=0, total=1)


def test_second_allowance_of_a_buyer__is_refused(order: Order, sale: FlashSale) -> None:
    with pytest.raises(IntegrityError, match="orders_buyerallowance_buyer"), transaction.atomic():
        BuyerAllowance.objects.create(sale=sale, buyer=order.buyer, limit=1)


def test_second_hold_of_a_line__is_refused(order: Order, sale: FlashSale) -> None:
    with pytest.raises(IntegrityError, match="line_id"), transaction.atomic():
        Hold.objects.create(line=order.lines.get(), stock=sale.stock.get(), quantity=1)


def test_same_number__is_refused(order: Order) -> None:
    order.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        order.save(force_insert=True)
