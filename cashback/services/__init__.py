"""Everything that changes cashback, wallets and imports."""

from cashback.services.adjustments import Target, adjust_events, reverse_events, undo_events
from cashback.services.approvals import (
    approve_events,
    approve_waiting,
    decline_events,
    hold_events,
    open_events,
    release_due,
    release_events,
)
from cashback.services.ledger import Entry, book, open_wallets, platform_account, transfer
from cashback.services.tracking import follow_refund, track_order, undo_order

__all__ = [
    "Entry",
    "Target",
    "adjust_events",
    "approve_events",
    "approve_waiting",
    "book",
    "decline_events",
    "follow_refund",
    "hold_events",
    "open_events",
    "open_wallets",
    "platform_account",
    "release_due",
    "release_events",
    "reverse_events",
    "track_order",
    "transfer",
    "undo_events",
    "undo_order",
]
