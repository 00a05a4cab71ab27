"""Reads of cashback: what must always hold, figures for monitoring, wallets."""

from cashback.queries.figures import (
    cashback_events_by_state,
    cashback_oldest_pending_seconds,
    cashback_pending_usd,
    imports_stalled,
    usd_of,
)
from cashback.queries.invariants import INVARIANTS
from cashback.queries.wallets import Balance, balances_of, platform_balance, statement_of

__all__ = [
    "INVARIANTS",
    "Balance",
    "balances_of",
    "cashback_events_by_state",
    "cashback_oldest_pending_seconds",
    "cashback_pending_usd",
    "imports_stalled",
    "platform_balance",
    "statement_of",
    "usd_of",
]
