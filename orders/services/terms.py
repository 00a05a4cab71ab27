"""What decides on requests, in one statement that is put together once: Django would do it for each batch."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from coupon_site.database.prepared import prepared_cursor
from coupon_site.database.rows import columns_of, instances_of
from orders.models import FlashSale, Merchant, Offer
from orders.queries.reading import sale_of
from orders.services.allowances import Pair
from orders.services.stock import Bucket

KINDS = (FlashSale, Offer, Merchant)

# All columns of a sale, its offer and its merchant; its buckets, and what these buyers have of it.
TERMS = f"""
SELECT {columns_of(*KINDS)},
    ARRAY(
        SELECT ARRAY[id, total - reserved - sold] FROM orders_salestock WHERE sale_id = orders_flashsale.id ORDER BY id
    ),
    ARRAY(
        SELECT ARRAY[buyer_id, quantity] FROM orders_buyerallowance
        WHERE sale_id = orders_flashsale.id AND buyer_id = ANY(%s::bigint[])
    )
FROM orders_flashsale
JOIN orders_offer ON orders_offer.id = orders_flashsale.offer_id
JOIN orders_merchant ON orders_merchant.id = orders_offer.merchant_id
WHERE orders_flashsale.public_id = ANY(%s::uuid[])
"""  # noqa: S608  names of tables and columns, nobody's input


class Terms(NamedTuple):
    """Sales by public id; their buckets, and how much of each sale each buyer has, as they were a moment ago."""

    sales: dict[UUID, FlashSale]
    buckets: list[Bucket]
    taken: dict[Pair, int]


def terms_of(wanted: Iterable[UUID], buyers: Iterable[int]) -> Terms:
    """What decides on requests of these buyers for these sales; nothing of it is locked."""
    terms = Terms({}, [], {})
    with prepared_cursor() as cursor:
        cursor.execute(TERMS, [list(set(buyers)), list(set(wanted))])
        rows = cursor.fetchall()
    for *columns, buckets, taken in rows:
        sale = sale_of(instances_of(KINDS, columns))
        sale.bucket_count = len(buckets)
        terms.sales[sale.public_id] = sale
        terms.buckets.extend(Bucket(pk, sale.pk, available) for pk, available in buckets)
        terms.taken.update({(sale.pk, buyer): quantity for buyer, quantity in taken})
    return terms
