"""Keeping the matches of cancelled lines right for every customer and item that a batch touches."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from cashback.models import CancellationMatch
from cashback.services.imports.matching import KnownLine, match_cancellations
from cashback.services.imports.statements import fetch, hashed_joins, run

# All items of the touched conversions, not only those of new lines: a conversion that turns out to have several
# customers leaves their groups. OFFSET keeps the planner from a join: each is looked up, whatever it takes for many.
GROUPS = """
SELECT DISTINCT line.buyer_ref, line.item FROM cashback_conversionline line
WHERE line.conversion_id = ANY(%(touched)s) AND EXISTS (
    SELECT 1 FROM cashback_conversionline cancelled
    WHERE cancelled.buyer_ref = line.buyer_ref AND cancelled.item = line.item AND cancelled.quantity < 0
        AND (SELECT network_id FROM cashback_conversion WHERE id = cancelled.conversion_id) = %(network)s
    OFFSET 0
)
"""

# Pieces of one file add up; of what unrelated files say the largest count holds.
LINES = """
WITH bought AS MATERIALIZED (
    SELECT * FROM cashback_conversion WHERE network_id = %(network)s AND buyer_ref = ANY(%(refs)s)
), known AS MATERIALIZED (
    SELECT * FROM cashback_conversionline
    WHERE conversion_id = ANY(ARRAY(SELECT id FROM bought)) AND item = ANY(%(items)s)
)
SELECT buyer_ref, item, currency, conversion_id, external_id, part, is_cancellation, line_hash, quantity, amount_minor,
    occurred_at, max(copies)
FROM (
    SELECT wanted.buyer_ref, wanted.item, conversion.currency, conversion.id AS conversion_id,
        conversion.external_id, conversion.part, conversion.is_cancellation,
        line.line_hash::text, line.quantity, line.amount_minor, line.occurred_at, sum(line.copies)::integer AS copies
    FROM unnest(%(refs)s::text[], %(items)s::text[]) AS wanted (buyer_ref, item)
    JOIN bought conversion ON conversion.buyer_ref = wanted.buyer_ref
    JOIN known line ON line.conversion_id = conversion.id AND line.item = wanted.item
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, (SELECT series_id FROM cashback_importjob WHERE id = line.job_id)
) AS said
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
ORDER BY 1, 2, 3
"""

EXISTING = """
WITH bought AS MATERIALIZED (
    SELECT id, buyer_ref FROM cashback_conversion WHERE network_id = %(network)s AND buyer_ref = ANY(%(refs)s)
), theirs AS MATERIALIZED (
    SELECT * FROM cashback_cancellationmatch WHERE purchase_id = ANY(ARRAY(SELECT id FROM bought))
)
SELECT id, purchase_id, cancellation_id, item, lines, quantity, amount_minor FROM cashback_cancellationmatch
WHERE purchase_id = ANY(%(touched)s)
UNION
SELECT id, purchase_id, cancellation_id, item, lines, quantity, amount_minor FROM cashback_cancellationmatch
WHERE cancellation_id = ANY(%(touched)s)
UNION
SELECT match.id, purchase_id, cancellation_id, item, lines, quantity, amount_minor
FROM theirs match JOIN bought ON bought.id = match.purchase_id
JOIN unnest(%(refs)s::text[], %(items)s::text[]) AS wanted (buyer_ref, item) USING (buyer_ref, item)
"""

SUM_UP = """
UPDATE cashback_conversion conversion SET cancelled_minor = coalesce(
    CASE WHEN is_cancellation
        THEN (SELECT sum(amount_minor) FROM cashback_cancellationmatch WHERE cancellation_id = conversion.id)
        ELSE (SELECT sum(amount_minor) FROM cashback_cancellationmatch WHERE purchase_id = conversion.id)
    END, 0)
WHERE conversion.id = ANY(%(affected)s)
"""


class ItemMatch(NamedTuple):
    """A match with its item, as it is compared."""

    purchase_id: int
    cancellation_id: int
    item: str
    lines: int
    quantity: int
    amount_minor: int


class Rematch(NamedTuple):
    """Conversions whose cancelled sum may have changed, and how many more cancelled lines are matched than before."""

    affected: set[int]
    more_lines: int


def rematch(*, network_id: int, touched: Sequence[int]) -> Rematch:
    """Work out the matches of every customer and item of the touched conversions, and write the differences."""
    values: dict[str, Any] = {"network": network_id, "touched": list(touched)}
    groups = fetch(GROUPS, values)
    values |= {"refs": [ref for ref, _ in groups], "items": [item for _, item in groups]}
    with hashed_joins():
        before = {ItemMatch(*row[1:]): row[0] for row in fetch(EXISTING, values)}
        after = matches_of(fetch(LINES, values)) if groups else set()
    gone, new = before.keys() - after, after - before.keys()
    CancellationMatch.objects.filter(pk__in=[before[match] for match in gone]).delete()
    CancellationMatch.objects.bulk_create(CancellationMatch(**match._asdict()) for match in sorted(new))
    affected = {pk for match in gone | new for pk in (match.purchase_id, match.cancellation_id)}
    run(SUM_UP, {"affected": sorted(affected)})
    return Rematch(affected, sum(match.lines for match in new) - sum(match.lines for match in gone))


def matches_of(rows: Sequence[tuple[Any, ...]]) -> set[ItemMatch]:
    found = set()
    for (_, item, _), group in groupby(rows, key=lambda row: row[:3]):
        for match in match_cancellations(KnownLine(*row[3:]) for row in group):
            found.add(ItemMatch(match.purchase_id, match.cancellation_id, item, *match[2:]))
    return found
