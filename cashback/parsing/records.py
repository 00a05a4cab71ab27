"""Bytes to records, with the place in the file where each ends, so that reading can go on there."""

import csv
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cashback.parsing.dialect import Dialect

csv.field_size_limit(1 << 16)  # an unclosed quote swallows no more than this
LONGEST_LINE = 1 << 20  # what has no line ends is no text


class UnreadableHeader(ValueError):
    """The first line is not the header that the dialect expects."""


class Record(NamedTuple):
    """One line of the file. `cells` is None when it can't be split; `end` is the byte behind it."""

    cells: list[str] | None
    end: int


class _Lines:
    """Physical lines as text, counting the bytes that were handed out."""

    def __init__(self, chunks: Iterable[bytes], *, offset: int, encoding: str) -> None:
        self.chunks, self.offset, self.encoding = iter(chunks), offset, encoding
        self.rest = b""

    def __iter__(self) -> Iterator[str]:
        for line in self.split():
            self.offset += len(line)
            # A character that can't be read spoils its own cell, not the file.
            yield line.decode(self.encoding, errors="replace")

    def split(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            *whole, self.rest = (self.rest + chunk).splitlines(keepends=True) or [b""]
            if self.rest.endswith(b"\n") or len(self.rest) > LONGEST_LINE:
                whole, self.rest = [*whole, self.rest], b""
            yield from whole
        if self.rest:
            yield self.rest


def read_records(chunks: Iterable[bytes], dialect: Dialect, *, offset: int = 0) -> Iterator[Record]:
    """Records from bytes that begin at `offset` of the file; blank lines are no records."""
    lines = _Lines(chunks, offset=offset, encoding=dialect.encoding)
    reader = csv.reader(iter(lines), delimiter=dialect.delimiter)
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


def read_header(chunks: Iterable[bytes], dialect: Dialect) -> tuple[list[str], int]:
    """Column names, and the byte behind them. Raises UnreadableHeader that says what is missing."""
    first = next(iter(read_records(chunks, dialect)), None)
    if first is None or first.cells is None:
        raise UnreadableHeader("the file is empty" if first is None else "the first line can't be read")
    names = [name.strip() for name in first.cells]
    if missing := [column for column in dialect.columns.values() if column not in names]:
        raise UnreadableHeader(f"no column {', '.join(missing)} in the first line")
    if doubled := {column for column in dialect.columns.values() if names.count(column) > 1}:
        raise UnreadableHeader(f"the column {', '.join(sorted(doubled))} is there twice")
    return names, first.end
