"""Stock moves here and nowhere else: whoever moves it locks the buckets in the order of their ids."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from orders.models import Hold, HoldState, SaleStock

# The guard against overselling: a bucket that has not enough is not updated, and the number of rows tells.
SHIFT = """
UPDATE orders_salestock AS stock
SET reserved = stock.reserved + shift.reserved, sold = stock.sold + shift.sold
FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS shift (id, reserved, sold)
WHERE stock.id = shift.id
  AND stock.reserved + shift.reserved >= 0
  AND stock.sold + shift.sold >= 0
  AND stock.reserved + stock.sold + shift.reserved + shift.sold <= stock.total
"""


# One bucket of each sale that nobody is at, the first that has units left.
FREE_BUCKETS = """
SELECT free.* FROM unnest(%s::bigint[]) AS wanted (sale_id)
CROSS JOIN LATERAL (
    SELECT * FROM orders_salestock AS stock
    WHERE stock.sale_id = wanted.sale_id AND stock.reserved + stock.sold < stock.total
    ORDER BY stock.id LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
) AS free
"""


class StockChanged(Exception):
    """The rows were not as they were read, or too few of them were: do it all again."""


class StockBook:
    """What is left in each bucket while requests are decided one after the other."""

    def __init__(self, buckets: Iterable[SaleStock]) -> None:
        self.left: dict[int, int] = {}
        self.buckets: dict[int, list[int]] = {}
        self.taken: Counter[int] = Counter()
        self.ran_short = False
        for bucket in buckets:
            self.left[bucket.pk] = bucket.available
            self.buckets.setdefault(bucket.sale_id, []).append(bucket.pk)

    def take(self, sale_id: int, quantity: int) -> int | None:
        """The bucket that gives the units of one line; None: sold out."""
        for bucket_id in self.buckets.get(sale_id, []):
            if self.left[bucket_id] >= quantity:
                self.left[bucket_id] -= quantity
                self.taken[bucket_id] += quantity
                return bucket_id
        self.ran_short = True
        return None

    def give_back(self, bucket_id: int, quantity: int) -> None:
        """Undo a take."""
        self.left[bucket_id] += quantity
        self.taken[bucket_id] -= quantity


def take_stock(sale_ids: Iterable[int], decide: Callable[[StockBook], None], *, spread: bool = False) -> None:
    """Lock the sales' buckets, let `decide` take from the book, and reserve what it took: one statement per step.

    With `spread` only one bucket of each sale, one that nobody is at: crowds at a sale of several then don't wait for
    each other. The whole guard is here. Raises StockChanged when a bucket had less than was read, or when the others
    have to be looked at.
    """
    book = StockBook(
        lock_free_buckets(sale_ids) if spread else lock_buckets(SaleStock.objects.filter(sale__in=sale_ids))
    )
    decide(book)
    if spread and book.ran_short:
        raise StockChanged
    shift_stock({bucket_id: Shift(reserved=quantity) for bucket_id, quantity in book.taken.items() if quantity})


def lock_buckets(buckets: QuerySet[SaleStock]) -> list[SaleStock]:
    """Buckets as they are now, and nobody else's until this transaction ends."""
    return list(buckets.select_for_update(no_key=True).order_by("id"))


def lock_free_buckets(sale_ids: Iterable[int]) -> list[SaleStock]:
    """One of each sale, without ever waiting: who waits while holding some may meet somebody doing the reverse."""
    return list(SaleStock.objects.raw(FREE_BUCKETS, [sorted(sale_ids)]))


@dataclass(frozen=True, kw_only=True)
class Shift:
    """By how much a bucket's figures change."""

    reserved: int = 0
    sold: int = 0


def shift_stock(shifts: Mapping[int, Shift]) -> None:
    """Change the figures of many buckets in one statement. Raises StockChanged when one of them does not allow it."""
    if not shifts:
        return
    ids = sorted(shifts)
    with connection.cursor() as cursor:
        cursor.execute(SHIFT, [ids, [shifts[key].reserved for key in ids], [shifts[key].sold for key in ids]])
        if cursor.rowcount != len(ids):
            raise StockChanged


def move_holds(order_ids: Iterable[int], *, source: HoldState, target: HoldState) -> None:
    """Bring all holds of orders that are in `source` to `target`, and the buckets' figures with them."""
    holds = list(Hold.objects.filter(line__order__in=list(order_ids), state=source))
    lock_buckets(SaleStock.objects.filter(id__in={hold.stock_id for hold in holds}))
    units: Counter[int] = Counter()
    for hold in holds:
        units[hold.stock_id] += hold.quantity
    shift_stock({bucket_id: shift_of(source, target, quantity) for bucket_id, quantity in units.items()})
    Hold.objects.filter(pk__in=[hold.pk for hold in holds]).update(state=target)


def shift_of(source: HoldState, target: HoldState, quantity: int) -> Shift:
    """What it means for a bucket that units leave one state for another."""
    return Shift(
        reserved=quantity * ((target == HoldState.HELD) - (source == HoldState.HELD)),
        sold=quantity * ((target == HoldState.SOLD) - (source == HoldState.SOLD)),
    )
