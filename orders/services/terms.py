"""The terms of sales, in one statement that is put together once: Django would do it for each batch."""

from collections.abc import Iterable
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, models

from coupon_site.database.prepared import prepared_cursor
from orders.models import FlashSale, Merchant, Offer

KINDS: tuple[type[models.Model], ...] = (FlashSale, Offer, Merchant)


def terms_of(wanted: Iterable[UUID]) -> dict[UUID, FlashSale]:
    """Sales by public id, with what decides on them and the number of their buckets."""
    with prepared_cursor() as cursor:
        cursor.execute(query(), [list(set(wanted))])
        sales = [sale_of(row) for row in cursor.fetchall()]
    return {sale.public_id: sale for sale in sales}


@cache
def query() -> str:
    """All columns of a sale, its offer and its merchant, and the number of its buckets."""
    columns = [f'{kind._meta.db_table}."{field.column}"' for kind in KINDS for field in kind._meta.concrete_fields]
    return f"""
SELECT {", ".join(columns)}, (SELECT count(*) FROM orders_salestock WHERE sale_id = orders_flashsale.id)
FROM orders_flashsale
JOIN orders_offer ON orders_offer.id = orders_flashsale.offer_id
JOIN orders_merchant ON orders_merchant.id = orders_offer.merchant_id
WHERE orders_flashsale.public_id = ANY(%s::uuid[])
"""  # noqa: S608  names of tables and columns, nobody's input


def sale_of(row: tuple[Any, ...]) -> FlashSale:
    """A row of the query."""
    instances, begin = [], 0
    for kind in KINDS:
        names = attributes(kind)
        instances.append(kind.from_db(connection.alias, names, row[begin : begin + len(names)]))
        begin += len(names)
    sale, offer, merchant = instances
    sale._state.fields_cache["offer"] = offer
    offer._state.fields_cache["merchant"] = merchant
    assert isinstance(sale, FlashSale)  # noqa: S101  the first of KINDS
    sale.bucket_count = row[begin]
    return sale


@cache
def attributes(kind: type[models.Model]) -> list[str]:
    """The names of a model's columns, as its instances have them."""
    return [field.attname for field in kind._meta.concrete_fields]
