"""Doors of payments: webhooks in, and the sandbox bank's counter."""
