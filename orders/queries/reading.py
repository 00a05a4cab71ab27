"""An order as people ask for it again and again, in one statement that is put together once."""

import json
from collections.abc import Sequence
from typing import Any

from coupon_site.database.prepared import prepared_cursor
from coupon_site.database.rows import columns_of, instances_of
from orders.models import FlashSale, Merchant, Offer, Order, OrderLine

KINDS = (Order, OrderLine, FlashSale, Offer, Merchant)

# Each line beside its order and the terms it was sold on.
LINES_OF_ORDER = f"""
SELECT {columns_of(*KINDS)}
FROM orders_order
LEFT JOIN orders_orderline ON orders_orderline.order_id = orders_order.id
LEFT JOIN orders_flashsale ON orders_flashsale.id = orders_orderline.sale_id
LEFT JOIN orders_offer ON orders_offer.id = orders_flashsale.offer_id
LEFT JOIN orders_merchant ON orders_merchant.id = orders_offer.merchant_id
WHERE orders_order.public_id = %s
ORDER BY orders_orderline.id
"""  # noqa: S608  names of tables and columns, nobody's input


def order_and_lines(public_id: str) -> tuple[Order | None, list[OrderLine]]:
    """An order by its id, if there is one, and its lines with their terms."""
    with prepared_cursor() as cursor:
        cursor.execute(LINES_OF_ORDER, [public_id])
        rows = [instances_of(KINDS, row) for row in cursor.fetchall()]
    order = rows[0][0] if rows else None
    return order, [line_of(parts) for _, *parts in rows if parts[0].pk]


def line_of(parts: Sequence[Any]) -> OrderLine:
    """A line, put together with its sale, the offer of that, and whose offer it is."""
    line, *terms = parts
    line.sale = sale_of(terms)
    line.gift = line.gift and json.loads(line.gift)
    assert isinstance(line, OrderLine)  # noqa: S101  as KINDS has them
    return line


def sale_of(parts: Sequence[Any]) -> FlashSale:
    """A sale, put together with its offer and whose that is."""
    sale, offer, merchant = parts
    sale.offer, offer.merchant = offer, merchant
    assert isinstance(sale, FlashSale)  # noqa: S101  the first of the three
    return sale
