"""How a network writes its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """Columns by field, and the conventions of numbers, times and cancellations. An empty prefix: negative lines cancel."""

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
