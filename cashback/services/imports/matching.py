"""Which purchase a cancelled line belongs to: a function of what is known, whatever order it came in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class KnownLine(NamedTuple):
    """A line of one customer and one item, `copies` times."""

    conversion_id: int
    external_id: str
    part: str
    is_cancellation: bool
    line_hash: str
    quantity: int
    amount_minor: int
    occurred_at: datetime
    copies: int


class Match(NamedTuple):
    """So many cancelled lines of a cancellation belong to a purchase."""

    purchase_id: int
    cancellation_id: int
    lines: int
    quantity: int
    amount_minor: int


@dataclass
class Purchase:
    """What is left of an item in a purchase."""

    key: tuple[datetime, str, str]
    conversion_id: int
    quantity: int = 0
    amount_minor: int = 0


def match_cancellations(lines: Iterable[KnownLine]) -> list[Match]:
    """Give each cancelled line, the earliest first, to the purchase it names, if something is left of that, or else to
    the latest earlier one that still covers its quantity.
    """
    lines = list(lines)
    purchases = purchases_of(lines)
    found: dict[tuple[int, int], Match] = {}
    for line in cancelled_lines(lines):
        if purchase := named_by(line, purchases) or latest_covering(purchases, line):
            amount = min(-line.amount_minor, purchase.amount_minor)
            purchase.quantity += line.quantity
            purchase.amount_minor -= amount
            key = (purchase.conversion_id, line.conversion_id)
            before = found.get(key, Match(*key, 0, 0, 0))
            found[key] = Match(*key, before.lines + 1, before.quantity - line.quantity, before.amount_minor + amount)
    return sorted(found.values())


def purchases_of(lines: Iterable[KnownLine]) -> list[Purchase]:
    """The item's purchases, the latest first."""
    found: dict[int, Purchase] = {}
    for line in lines:
        if not line.is_cancellation:
            key = (line.occurred_at, line.external_id, line.part)
            purchase = found.setdefault(line.conversion_id, Purchase(key, line.conversion_id))
            purchase.key = min(purchase.key, key)
            purchase.quantity += line.quantity * line.copies
            purchase.amount_minor += line.amount_minor * line.copies
    return sorted(found.values(), key=lambda purchase: purchase.key, reverse=True)


def cancelled_lines(lines: Iterable[KnownLine]) -> list[KnownLine]:
    """Every single cancelled line, the earliest first."""
    cancelled = [line for line in lines if line.is_cancellation for _ in range(line.copies)]
    return sorted(cancelled, key=lambda line: (line.occurred_at, line.external_id, line.part, line.line_hash))


def named_by(line: KnownLine, purchases: Iterable[Purchase]) -> Purchase | None:
    """The purchase of the same number, as networks report corrections: of the amount, whatever the quantity."""
    return next((each for each in purchases if each.key[1] == line.external_id and each.amount_minor > 0), None)


def latest_covering(purchases: Iterable[Purchase], line: KnownLine) -> Purchase | None:
    return next(
        (
            purchase
            for purchase in purchases
            if purchase.key[0] < line.occurred_at and purchase.quantity >= -line.quantity
        ),
        None,
    )
