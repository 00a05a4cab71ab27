"""Everything that must hold, of every app: name → number of rows that break it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cashback.queries
import events.queries
import orders.queries
import payments.queries
import vouchers.queries

APPS: dict[str, dict[str, Callable[[], int]]] = {
    "events": events.queries.INVARIANTS,
    "payments": payments.queries.INVARIANTS,
    "orders": orders.queries.INVARIANTS,
    "vouchers": vouchers.queries.INVARIANTS,
    "cashback": cashback.queries.INVARIANTS,
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was asked of the database, and how many rows break it."""

    app: str
    invariant: str
    broken_rows: int

    @property
    def holds(self) -> bool:
        return self.broken_rows == 0


def reconcile() -> Iterator[Finding]:
    """Ask for every invariant, one after another."""
    for app, invariants in APPS.items():
        for name, count in invariants.items():
            yield Finding(app=app, invariant=name, broken_rows=count())
