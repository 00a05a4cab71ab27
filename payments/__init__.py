"""Payment attempts, refunds, provider adapters, signed webhooks in. Knows no order: a payment has a `reference`."""
