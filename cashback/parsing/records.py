"""Bytes to records, with the place in the file where each ends, so that reading can go on there."""

import csv
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from cashback.parsing.dialect import Dialect

csv.field_size_limit(1 << 16)  # an unclosed quote swallows no more than this
LONGEST_LINE = 1 << 20  # what has no line ends is no text
MARK = "\ufeff"  # of the byte order
DEEPEST_HEADER = 50  # records above it: a title, the period, who asked for it


class UnreadableHeader(ValueError):
    """No line is the header that the dialect expects."""


class Record(NamedTuple):
    """One line of the file. `cells` is None when it can't be split; `end` is the byte behind it."""

    cells: list[str] | None
    end: int


class _Lines:
    """Physical lines as text, counting the bytes that were handed out."""

    def __init__(self, chunks: Iterable[bytes], *, offset: int, encoding: str) -> None:
        self.is_wide = encoding.startswith("utf-16")
        self.chunks = in_utf8(chunks, encoding) if self.is_wide else iter(chunks)
        self.offset, self.encoding = offset, "utf-8" if encoding == "utf-8-sig" else encoding
        self.rest = b""

    def __iter__(self) -> Iterator[str]:
        read = self.wide if self.is_wide else self.narrow
        lines = iter(self.split())
        if self.offset == 0:
            for first in islice(lines, 1):
                yield read(first).removeprefix(MARK)
        yield from map(read, lines)

    def narrow(self, line: bytes) -> str:
        self.offset += len(line)
        # A character that can't be read spoils its own cell, not the file.
        return line.decode(self.encoding, errors="replace")

    def wide(self, line: bytes) -> str:
        text = line.decode("utf-8", "surrogatepass")
        self.offset += len(text.encode("utf-16-le", "surrogatepass"))
        return text

    def split(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            *whole, self.rest = (self.rest + chunk).splitlines(keepends=True) or [b""]
            if self.rest.endswith(b"\n") or len(self.rest) > LONGEST_LINE:
                whole, self.rest = [*whole, self.rest], b""
            yield from whole
        if self.rest:
            yield self.rest


def in_utf8(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Two bytes a character would be cut in two at line ends; what can't be paired stays as it is."""
    decoder = getincrementaldecoder(encoding)("surrogatepass")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")


def read_records(chunks: Iterable[bytes], dialect: Dialect, *, offset: int = 0) -> Iterator[Record]:
    """Records from bytes that begin at `offset` of the file; blank lines are no records."""
    lines = _Lines(chunks, offset=offset, encoding=dialect.encoding)
    reader = cells_of(iter(lines), dialect.delimiter, dialect.quote)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Record(None, lines.offset)
            continue
        if cells and any(cells):
            yield Record(cells, lines.offset)


def cells_of(lines: Iterable[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    """Lines in cells. Raises csv.Error, and goes on behind it."""
    if not quote:
        return csv.reader(lines, delimiter=delimiter, quotechar=None, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=delimiter, quotechar=quote)


def read_header(chunks: Iterable[bytes], dialect: Dialect) -> tuple[list[str], int]:
    """Column names, and the byte behind them, past a title above them and a second header below.

    Raises UnreadableHeader that says what is missing.
    """
    records = list(islice(read_records(chunks, dialect), DEEPEST_HEADER))
    if not records:
        raise UnreadableHeader("the file is empty")
    if all(record.cells is None for record in records):
        raise UnreadableHeader("its lines can't be read")
    wanted = set(dialect.columns.values())
    headers = [names_of(record) for record in records]
    place = next((at for at, names in enumerate(headers) if wanted <= set(names)), None)
    if place is None:
        closest = max(headers, key=lambda names: len(wanted & set(names)))
        missing = [column for column in dialect.columns.values() if column not in closest]
        raise UnreadableHeader(f"no column {', '.join(missing)}")
    names = headers[place]
    if doubled := {column for column in wanted if names.count(column) > 1}:
        raise UnreadableHeader(f"the column {', '.join(sorted(doubled))} is there twice")
    while place + 1 < len(headers) and headers[place + 1] == names:
        place += 1
    return names, records[place].end


def names_of(record: Record) -> list[str]:
    """A record's cells as names of columns."""
    return [name.strip() for name in record.cells or ()]
