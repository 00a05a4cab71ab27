"""Flags of orders."""

import flags

SALES_OPEN = flags.declare(
    "checkout.sales_open",
    default=True,
    description="Off: nobody can reserve anything. Orders that exist go their way.",
    kind="kill_switch",
)
