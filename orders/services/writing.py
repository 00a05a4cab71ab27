"""The rows and events of granted requests.

One statement writes all orders, lines and holds: the ORM's three cost more than everything else that reserving does.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import connection

from events import publish_many
from orders.events import OrderReserved
from orders.models import Order, OrderLine
from orders.numbers import new_number
from orders.services.facts import only
from orders.services.plan import PlannedLine, PlannedOrder

# Lines get their ids in the order they were asked for.
WRITE = """
WITH wanted AS (
    SELECT * FROM json_to_recordset(%s) AS wanted (
        public_id uuid, number text, buyer_id bigint, currency text, total_minor bigint, payment_method text
    )
), made AS (
    INSERT INTO orders_order (
        public_id, number, buyer_id, state, currency, total_minor, refunded_minor, payment_method,
        expires_at, created_at
    )
    SELECT public_id, number, buyer_id, 'reserved', currency, total_minor, 0, payment_method, %s, %s FROM wanted
    RETURNING id, public_id
), asked AS (
    SELECT * FROM json_to_recordset(%s) AS asked (
        place int, public_id uuid, "order" uuid, sale_id bigint, stock_id bigint, title text,
        quantity int, unit_minor bigint, gift jsonb
    )
), line AS (
    INSERT INTO orders_orderline (
        public_id, order_id, sale_id, title, quantity, unit_minor, discount_minor, line_total_minor, gift
    )
    SELECT asked.public_id, made.id, sale_id, title, quantity, unit_minor, 0, quantity * unit_minor, gift
    FROM asked JOIN made ON made.public_id = asked."order"
    ORDER BY place
    RETURNING id, public_id
), held AS (
    INSERT INTO orders_hold (line_id, stock_id, quantity, state)
    SELECT line.id, stock_id, quantity, 'held' FROM asked JOIN line USING (public_id)
)
SELECT public_id, id FROM made
"""


def write_orders(granted: Sequence[PlannedOrder], *, at: datetime) -> list[Order]:
    """Orders, lines, holds and events of all granted requests, in their order."""
    if not granted:
        return []
    expires_at = at + timedelta(seconds=settings.ORDER_HOLD_SECONDS)
    orders = [order_of(planned, at=at, expires_at=expires_at) for planned in granted]
    insert(orders, granted)
    publish_many([reserved(order, planned) for order, planned in zip(orders, granted, strict=True)])
    return orders


def order_of(planned: PlannedOrder, *, at: datetime, expires_at: datetime) -> Order:
    """An order that is not written yet."""
    order = Order(
        number=new_number(),
        buyer=planned.request.buyer,
        currency=planned.lines[0].sale.offer.currency,
        total_minor=sum(line.quantity * line.sale.price_minor for line in planned.lines),
        payment_method=planned.request.payment_method,
        expires_at=expires_at,
        created_at=at,
    )
    order.fresh_lines = [line_of(line) for line in planned.lines]
    return order


def line_of(planned: PlannedLine) -> OrderLine:
    """A line that is not written yet, with the terms it is sold on."""
    return OrderLine(
        sale=planned.sale,
        title=planned.sale.title,
        quantity=planned.quantity,
        unit_minor=planned.sale.price_minor,
        line_total_minor=planned.quantity * planned.sale.price_minor,
        gift=planned.gift and planned.gift.as_json(),
    )


def insert(orders: Sequence[Order], granted: Sequence[PlannedOrder]) -> None:
    """Write orders with their lines and holds, and give them their ids."""
    rows = [order_row(order) for order in orders]
    lines = [row for order, planned in zip(orders, granted, strict=True) for row in line_rows(order, planned)]
    for place, line in enumerate(lines):
        line["place"] = place
    times = [orders[0].expires_at, orders[0].created_at]
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [orjson.dumps(rows).decode(), *times, orjson.dumps(lines).decode()])
        ids = dict(cursor.fetchall())
    for order in orders:
        order.pk = ids[order.public_id]
        order._state.adding, order._state.db = False, connection.alias


def order_row(order: Order) -> dict[str, Any]:
    return {
        "public_id": order.public_id,
        "number": order.number,
        "buyer_id": order.buyer_id,
        "currency": order.currency,
        "total_minor": order.total_minor,
        "payment_method": order.payment_method,
    }


def line_rows(order: Order, planned: PlannedOrder) -> list[dict[str, Any]]:
    return [
        {
            "public_id": line.public_id,
            "order": order.public_id,
            "sale_id": line.sale_id,
            "stock_id": place.bucket_id,
            "title": line.title,
            "quantity": line.quantity,
            "unit_minor": line.unit_minor,
            "gift": line.gift,
        }
        for line, place in zip(order.fresh_lines, planned.lines, strict=True)
    ]


def reserved(order: Order, planned: PlannedOrder) -> OrderReserved:
    """The event of a new order, from what is in memory anyway."""
    return OrderReserved(
        order=order.public_id,
        number=order.number,
        buyer=planned.request.buyer.public_id,
        merchant=only(line.sale.offer.merchant.public_id for line in planned.lines),
        total_minor=order.total_minor,
        currency=order.currency,
        state=str(order.state),
        quantity=sum(line.quantity for line in planned.lines),
    )
