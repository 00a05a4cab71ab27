"""Reads of orders that span rows."""

from orders.queries.availability import Availability, availability_of, tokens_of_sales
from orders.queries.figures import Inventory, inventory_of_live_sales, overdue_orders, pending_orders
from orders.queries.invariants import INVARIANTS
from orders.queries.rates import replace_rate, with_rate
from orders.queries.reading import order_and_lines

__all__ = [
    "INVARIANTS",
    "Availability",
    "Inventory",
    "availability_of",
    "inventory_of_live_sales",
    "order_and_lines",
    "overdue_orders",
    "pending_orders",
    "replace_rate",
    "tokens_of_sales",
    "with_rate",
]
