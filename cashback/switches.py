"""Flags of this app."""

from flags import declare

AUTO_APPROVE = declare(
    "cashback.auto_approve",
    default=False,
    description="Cashback is confirmed without anyone looking at it. Off: it waits for an approval in the admin.",
    kind="operational",
)
