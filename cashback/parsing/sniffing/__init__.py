"""Working out how a file is written."""

from cashback.parsing.sniffing.encodings import NoText, refuse_other_things
from cashback.parsing.sniffing.proposal import Chunks, Finding, Proposal, dialect_from, first_bytes, sniff

__all__ = ["Chunks", "Finding", "NoText", "Proposal", "dialect_from", "first_bytes", "refuse_other_things", "sniff"]
