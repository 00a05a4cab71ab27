"""Everything that changes cashback, wallets and imports."""

from cashback.services.adjustments import Target, adjust_events, amend_event, reverse_events, undo_events
from cashback.services.approvals import (
    approve_events,
    approve_waiting,
    clear_events,
    decline_events,
    hold_events,
    open_events,
    release_due,
    release_events,
)
from cashback.services.ledger import Entry, book, open_wallets, platform_account, transfer
from cashback.services.payouts import (
    approve_payout,
    poll_payouts,
    reject_payout,
    request_payout,
    retry_payout,
    return_payout,
    send_payout,
)
from cashback.services.sandbox_bank import accept_transfer
from cashback.services.tracking import follow_refund, track_order, undo_order
from cashback.services.wallets import adjust_wallet

__all__ = [
    "Entry",
    "Target",
    "accept_transfer",
    "adjust_events",
    "adjust_wallet",
    "amend_event",
    "approve_events",
    "approve_payout",
    "approve_waiting",
    "book",
    "clear_events",
    "decline_events",
    "follow_refund",
    "hold_events",
    "open_events",
    "open_wallets",
    "platform_account",
    "poll_payouts",
    "reject_payout",
    "release_due",
    "release_events",
    "request_payout",
    "retry_payout",
    "return_payout",
    "reverse_events",
    "send_payout",
    "track_order",
    "transfer",
    "undo_events",
    "undo_order",
]
