"""Reading networks' files: bytes to lines, lines to what they say or why they can't be used. Knows no tables."""

from cashback.parsing.dialect import Dialect
from cashback.parsing.lines import BadLine, GoodLine, LineReader
from cashback.parsing.reasons import Reason
from cashback.parsing.records import Record, UnreadableHeader, read_header, read_records
from cashback.parsing.sniffing import Finding, NoText, Proposal, dialect_from, first_bytes, refuse_other_things, sniff

__all__ = [
    "BadLine",
    "Dialect",
    "Finding",
    "GoodLine",
    "LineReader",
    "NoText",
    "Proposal",
    "Reason",
    "Record",
    "UnreadableHeader",
    "dialect_from",
    "first_bytes",
    "read_header",
    "read_records",
    "refuse_other_things",
    "sniff",
]
