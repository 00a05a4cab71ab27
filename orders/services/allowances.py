"""How much of a sale a buyer may have: counted per buyer, held by the database."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial

from coupon_site.database.prepared import prepared_cursor, seen_to
from orders.models import OrderLine
from orders.services.stock import require_rows

Pair = tuple[int, int]
"""Row ids of a sale and of a buyer."""

TAKEN = """
SELECT sale_id, buyer_id, known.quantity FROM orders_buyerallowance AS known
JOIN unnest(%s::bigint[], %s::bigint[]) AS wanted (sale_id, buyer_id) USING (sale_id, buyer_id)
"""

# A row whose limit would be passed is neither inserted nor updated, and the number of rows tells.
TAKE = """
INSERT INTO orders_buyerallowance AS known (sale_id, buyer_id, quantity, "limit")
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::int[])
ON CONFLICT (sale_id, buyer_id) DO UPDATE
SET quantity = known.quantity + EXCLUDED.quantity, "limit" = EXCLUDED."limit"
WHERE known.quantity + EXCLUDED.quantity <= EXCLUDED."limit"
"""

# The rows are locked in the order in which TAKE takes them, whatever order the UPDATE goes in.
GIVE_BACK = """
WITH given AS (
    SELECT known.id, given.quantity
    FROM unnest(%s::bigint[], %s::bigint[], %s::int[]) AS given (sale_id, buyer_id, quantity)
    JOIN orders_buyerallowance AS known USING (sale_id, buyer_id)
    ORDER BY sale_id, buyer_id
    FOR NO KEY UPDATE OF known
)
UPDATE orders_buyerallowance AS known
SET quantity = known.quantity - given.quantity
FROM given WHERE known.id = given.id
"""


def taken_by(pairs: Iterable[Pair]) -> dict[Pair, int]:
    """How much the buyers have of the sales already, all in one statement."""
    wanted = list(set(pairs))
    with prepared_cursor() as cursor:
        cursor.execute(TAKEN, [[sale for sale, _ in wanted], [buyer for _, buyer in wanted]])
        return {(sale, buyer): quantity for sale, buyer, quantity in cursor.fetchall()}


def take_allowances(demand: Mapping[Pair, int], limits: Mapping[int, int]) -> None:
    """Count units for buyers, in one statement; `limits` by sale. Raises StockChanged when one would pass its limit."""
    pairs = sorted(demand)
    if not pairs:
        return
    columns = [
        [sale for sale, _ in pairs],
        [buyer for _, buyer in pairs],
        [demand[pair] for pair in pairs],
        [limits[sale] for sale, _ in pairs],
    ]
    cursor = prepared_cursor()
    cursor.execute(TAKE, columns)
    seen_to(partial(require_rows, cursor, len(pairs)))


def give_back_allowances(order_ids: Iterable[int]) -> None:
    """Count the units of orders for their buyers no longer, in one statement."""
    lines = OrderLine.objects.filter(order__in=list(order_ids)).values_list("sale", "order__buyer", "quantity")
    units: Counter[Pair] = Counter()
    for sale, buyer, quantity in lines:
        units[sale, buyer] += quantity
    pairs = sorted(units)
    with prepared_cursor() as cursor:
        cursor.execute(
            GIVE_BACK, [[sale for sale, _ in pairs], [buyer for _, buyer in pairs], [units[pair] for pair in pairs]]
        )
