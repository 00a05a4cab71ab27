"""Reads of cashback: what must always hold, figures for monitoring, wallets."""

from cashback.queries.figures import (
    cashback_events_by_state,
    cashback_oldest_pending_seconds,
    cashback_pending_usd,
    imports_stalled,
    payouts_by_state,
    payouts_oldest_requested_seconds,
    payouts_stuck,
)
from cashback.queries.invariants import INVARIANTS
from cashback.queries.rates import Rate, Rates, rate_now
from cashback.queries.statements import Position, Statement, StatementLine, statement_over
from cashback.queries.wallets import Balance, Totals, balances_of, platform_balance, totals, transfers_of

__all__ = [
    "INVARIANTS",
    "Balance",
    "Position",
    "Rate",
    "Rates",
    "Statement",
    "StatementLine",
    "Totals",
    "balances_of",
    "cashback_events_by_state",
    "cashback_oldest_pending_seconds",
    "cashback_pending_usd",
    "imports_stalled",
    "payouts_by_state",
    "payouts_oldest_requested_seconds",
    "payouts_stuck",
    "platform_balance",
    "rate_now",
    "statement_over",
    "totals",
    "transfers_of",
]
