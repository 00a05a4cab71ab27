"""The rows and events of granted requests.

One statement writes all orders, lines and holds: the ORM's three cost more than everything else that reserving does.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings

from coupon_site.database.prepared import prepared_cursor, seen_to
from coupon_site.identifiers import uuid7
from events import publish_many
from orders.events import OrderReserved
from orders.numbers import new_number
from orders.services.facts import only
from orders.services.fresh import NewLine, NewOrder
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


def write_orders(granted: Sequence[PlannedOrder], *, at: datetime) -> list[NewOrder]:
    """Orders, lines, holds and events of all granted requests, in their order."""
    if not granted:
        return []
    expires_at = at + timedelta(seconds=settings.ORDER_HOLD_SECONDS)
    orders = [order_of(planned, at=at, expires_at=expires_at) for planned in granted]
    insert(orders)
    publish_many([reserved(order) for order in orders])
    return orders


def order_of(planned: PlannedOrder, *, at: datetime, expires_at: datetime) -> NewOrder:
    """An order that is not written yet."""
    lines = [line_of(line) for line in planned.lines]
    return NewOrder(
        public_id=uuid7(),
        number=new_number(),
        buyer=planned.request.buyer,
        currency=lines[0].sale.offer.currency,
        total_minor=sum(line.line_total_minor for line in lines),
        payment_method=planned.request.payment_method,
        created_at=at,
        expires_at=expires_at,
        fresh_lines=lines,
    )


def line_of(planned: PlannedLine) -> NewLine:
    """A line that is not written yet, with the terms it is sold on."""
    sale = planned.sale
    return NewLine(
        public_id=uuid7(),
        sale=sale,
        bucket_id=planned.bucket_id,
        title=sale.title,
        quantity=planned.quantity,
        unit_minor=sale.price_minor,
        line_total_minor=planned.quantity * sale.price_minor,
        gift=planned.gift.as_json() if planned.gift else None,
    )


def insert(orders: Sequence[NewOrder]) -> None:
    """Write orders with their lines and holds, and give them their ids."""
    lines = [line_row(order, line) for order in orders for line in order.fresh_lines]
    for place, line in enumerate(lines):
        line["place"] = place
    times = [orders[0].expires_at, orders[0].created_at]
    rows = orjson.dumps([order_row(order) for order in orders]).decode()
    cursor = prepared_cursor()
    cursor.execute(WRITE, [rows, *times, orjson.dumps(lines).decode()])

    def take_ids() -> None:
        ids = dict(cursor.fetchall())
        for order in orders:
            order.pk = ids[order.public_id]

    seen_to(take_ids)


def order_row(order: NewOrder) -> dict[str, Any]:
    return {
        "public_id": order.public_id,
        "number": order.number,
        "buyer_id": order.buyer.id,
        "currency": order.currency,
        "total_minor": order.total_minor,
        "payment_method": order.payment_method,
    }


def line_row(order: NewOrder, line: NewLine) -> dict[str, Any]:
    return {
        "public_id": line.public_id,
        "order": order.public_id,
        "sale_id": line.sale.id,
        "stock_id": line.bucket_id,
        "title": line.title,
        "quantity": line.quantity,
        "unit_minor": line.unit_minor,
        "gift": line.gift,
    }


def reserved(order: NewOrder) -> OrderReserved:
    """The event of a new order, from what is in memory anyway."""
    return OrderReserved(
        order=order.public_id,
        number=order.number,
        buyer=order.buyer.public_id,
        merchant=only(line.sale.offer.merchant.public_id for line in order.fresh_lines),
        total_minor=order.total_minor,
        currency=order.currency,
        state=str(order.state),
        quantity=sum(line.quantity for line in order.fresh_lines),
    )
