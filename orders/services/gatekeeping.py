"""Telling the gate what the database knows."""

from datetime import datetime

from orders.gate import gate
from orders.queries import tokens_of_sales


def rebuild_gate(*, at: datetime) -> int:
    """Set the gate's tokens from the stock of live and coming sales; answers how many sales. Raises RedisError."""
    sales = tokens_of_sales(at=at)
    gate().rebuild(sales)
    return len(sales)
