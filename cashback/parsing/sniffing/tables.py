"""How lines are split into cells, and which of them is the header."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from cashback.parsing.records import DEEPEST_HEADER, cells_of
from cashback.parsing.sniffing.names import field_of

DELIMITERS = (",", ";", "\t", "|")
QUOTES = ('"', "'", "")
LOOKED_AT = 400
FEWEST_COLUMNS = 3
MOST_COLUMNS = 1_000
FEWEST_NAMES = 3

Record = Sequence[str]


class Table(NamedTuple):
    """A way to split the first lines, and how well it does."""

    delimiter: str
    quote: str
    records: list[list[str]]
    header_at: int
    score: float

    @property
    def header(self) -> list[str]:
        return [cell.strip() for cell in self.records[self.header_at]]

    @property
    def rows(self) -> list[list[str]]:
        """The lines below the header that have its width and are not the header again."""
        below = self.records[self.header_at + 1 :]
        return [row for row in below if len(row) == len(self.header) and [cell.strip() for cell in row] != self.header]


def sniff_table(text: str, *, known: Iterable[frozenset[str]]) -> Table | None:
    """The best way to split a file's first lines, if there is one. `known`: names of columns that were seen before."""
    known = list(known)
    tables = [table_by(text, delimiter, quote, known) for delimiter in DELIMITERS for quote in QUOTES]
    best = max(tables, key=lambda table: table.score)
    return best if best.score > 0 else None


def table_by(text: str, delimiter: str, quote: str, known: Sequence[frozenset[str]]) -> Table:
    """The lines split so. It is good when most are as wide as the header, and better when its names are known ones."""
    records = split(text, delimiter, quote)
    if not records:
        return Table(delimiter, quote, [[]], 0, 0)
    usual, _ = Counter(map(len, records)).most_common(1)[0]
    header_at, names = find_header(records, usual, known)
    width, below = len(records[header_at]), records[header_at + 1 :]
    if not FEWEST_COLUMNS <= width <= MOST_COLUMNS:
        return Table(delimiter, quote, records, header_at, 0)
    steady = sum(len(record) == width for record in below) / len(below) if below else 1.0
    score = steady * width + 100 * names
    # Quotes that are still there were none by this way; without any the usual one stays.
    wrapped = sum(len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "\"'" for row in records for cell in row)
    return Table(delimiter, quote, records, header_at, score - min(wrapped / len(records), 1) / 2 - (not quote) / 100)


def split(text: str, delimiter: str, quote: str) -> list[list[str]]:
    """The first records; what can't be split ends them."""
    reader = cells_of(io.StringIO(text, newline=""), delimiter, quote)
    records: list[list[str]] = []
    try:
        records.extend(islice((cells for cells in reader if any(cells)), LOOKED_AT))
    except csv.Error:
        return records
    return records


def find_header(records: Sequence[Record], width: int, known: Sequence[frozenset[str]]) -> tuple[int, int]:
    """Which record is the header, and how many of its names are known."""
    first = records[:DEEPEST_HEADER]
    familiar = [count_names(record, known) for record in first]
    best = max(range(len(first)), key=lambda at: (familiar[at], -at))
    if familiar[best] >= FEWEST_NAMES:
        return best, familiar[best]
    return next((at for at, record in enumerate(first) if looks_like_header(record, width)), 0), 0


def count_names(record: Record, known: Sequence[frozenset[str]]) -> int:
    """Names of a profile count more than those that only look like one."""
    names = {cell.strip() for cell in record}
    whole = max((len(columns) for columns in known if columns <= names), default=0)
    return 2 * whole or len({field for name in names if (field := field_of(name))})


def looks_like_header(record: Record, width: int) -> bool:
    """Different words, no numbers."""
    cells = [cell.strip() for cell in record]
    return len(cells) == width == len(set(cells)) and not any(cell[:1].isdigit() or not cell for cell in cells)
