"""Reading networks' files: bytes to lines, lines to what they say or why they can't be used. Knows no tables."""

from cashback.parsing.dialect import Dialect
from cashback.parsing.lines import BadLine, GoodLine, LineReader, Reason
from cashback.parsing.records import Record, UnreadableHeader, read_header, read_records

__all__ = [
    "BadLine",
    "Dialect",
    "GoodLine",
    "LineReader",
    "Reason",
    "Record",
    "UnreadableHeader",
    "read_header",
    "read_records",
]
