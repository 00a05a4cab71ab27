"""How a network writes its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """Columns by field, and how numbers, times, cancellations and states are written.

    No prefix: negative lines cancel. `replaces`: a transaction that comes again replaces what was known of it.
    """

    columns: Mapping[str, str]
    delimiter: str
    decimal_mark: str
    date_format: str
    zone: ZoneInfo
    encoding: str
    currency: str
    cancellation_prefix: str
    quote: str = '"'
    statuses: Mapping[str, str] = field(default_factory=dict)
    replaces: bool = False

    @property
    def has_amounts(self) -> bool:
        """Whether lines say what they are worth, instead of how many at which price."""
        return "amount" in self.columns

    @property
    def required(self) -> tuple[str, ...]:
        """The fields that every line must say."""
        return (
            "external_id",
            "occurred_at",
            "buyer",
            *(("amount",) if self.has_amounts else ("quantity", "unit_price")),
        )
