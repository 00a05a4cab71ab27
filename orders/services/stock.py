"""Stock moves here and nowhere else: whoever moves it locks the buckets in the order of their ids."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from coupon_site.database.prepared import prepared_cursor, seen_to
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


BUCKETS = """
SELECT id, sale_id, total - reserved - sold FROM orders_salestock
WHERE sale_id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""

# One bucket of each sale that nobody is at, the first that has units left.
FREE_BUCKETS = """
SELECT free.id, free.sale_id, free.total - free.reserved - free.sold FROM unnest(%s::bigint[]) AS wanted (sale_id)
CROSS JOIN LATERAL (
    SELECT * FROM orders_salestock AS stock
    WHERE stock.sale_id = wanted.sale_id AND stock.reserved + stock.sold < stock.total
    ORDER BY stock.id LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
) AS free
"""


class StockChanged(Exception):
    """The rows were not as they were read, or too few of them were: do it all again."""


class Bucket(NamedTuple):
    """As much of a SaleStock as deciding takes."""

    pk: int
    sale_id: int
    available: int


class StockBook:
    """What is left in each bucket while requests are decided one after the other."""

    def __init__(self, buckets: Iterable[Bucket | SaleStock]) -> None:
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


def take_stock(
    sale_ids: Iterable[int],
    decide: Callable[[StockBook], None],
    *,
    spread: bool = False,
    seen: Iterable[Bucket] | None = None,
) -> None:
    """Lock the sales' buckets, let `decide` take from the book, and reserve what it took: one statement per step.

    With `spread` only one bucket of each sale, one that nobody is at: crowds at a sale of several then don't wait for
    each other. A single bucket may be decided on as it was `seen` a moment ago, without a lock. The whole guard is
    here. Raises StockChanged when a bucket had less than was read, or when the others have to be looked at.
    """
    book = StockBook(buckets_of(sale_ids, FREE_BUCKETS if spread else BUCKETS) if seen is None else seen)
    decide(book)
    if spread and book.ran_short:
        raise StockChanged
    shift_stock({bucket_id: Shift(reserved=quantity) for bucket_id, quantity in book.taken.items() if quantity})


def lock_buckets(buckets: QuerySet[SaleStock]) -> list[SaleStock]:
    """Buckets as they are now, and nobody else's until this transaction ends."""
    return list(buckets.select_for_update(no_key=True).order_by("id"))


def buckets_of(sale_ids: Iterable[int], query: str) -> list[Bucket]:
    """Locked in the order of their ids; of FREE_BUCKETS one of each sale, without ever waiting: who waits while holding
    some may meet somebody doing the reverse."""
    with prepared_cursor() as cursor:
        cursor.execute(query, [sorted(sale_ids)])
        return [Bucket(*row) for row in cursor.fetchall()]


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
    cursor = prepared_cursor()
    cursor.execute(SHIFT, [ids, [shifts[key].reserved for key in ids], [shifts[key].sold for key in ids]])
    seen_to(partial(require_rows, cursor, len(ids)))


def require_rows(cursor: CursorWrapper, count: int) -> None:
    """The number of rows tells whether the guard of a statement has let all of them pass."""
    if cursor.rowcount != count:
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
