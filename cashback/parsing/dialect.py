"""How a network writes its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """Columns by field, and how numbers, times and cancellations are written. No prefix: negative lines cancel."""

    columns: Mapping[str, str]
    delimiter: str
    decimal_mark: str
    date_format: str
    zone: ZoneInfo
    encoding: str
    currency: str
    cancellation_prefix: str

    @property
    def thousands_mark(self) -> str:
        return "." if self.decimal_mark == "," else ","
