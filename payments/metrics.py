"""Payments' own Prometheus series; every child exists from the start, so that a rate over it is never absent."""

from typing import Final

from prometheus_client import Counter

PROVIDERS: Final = ("sandbox", "stripe")
WEBHOOK_FAILURES: Final = (
    "no_secret",
    "no_signature",
    "malformed_signature",
    "timestamp",
    "wrong_signature",
    "malformed_body",
    "method",
)

PAYMENTS = Counter("payment_total", "Payments started", ["provider"])
PAYMENT_SUCCESSES = Counter("payment_success_total", "Payments captured", ["provider"])
PAYMENT_DECLINES = Counter("payment_declined_total", "Payments that the provider declined", ["provider"])
REFUNDS = Counter("payment_refunds_total", "Refunds by how they ended", ["provider", "status"])
DISPUTES = Counter("payment_disputes_total", "Disputes by how far they went", ["provider", "status"])
WEBHOOKS = Counter("payment_webhooks_total", "Webhooks accepted", ["provider"])
PAYMENT_WEBHOOK_FAILURES = Counter("payment_webhook_failures_total", "Webhooks refused", ["provider", "reason"])
STRIPE_WEBHOOK_FAILURES = Counter("stripe_webhook_failures_total", "Webhooks of Stripe refused", ["reason"])

for provider in PROVIDERS:
    for counter in (PAYMENTS, PAYMENT_SUCCESSES, PAYMENT_DECLINES, WEBHOOKS):
        counter.labels(provider)
    for status in ("done", "failed"):
        REFUNDS.labels(provider, status)
    for status in ("opened", "won", "lost"):
        DISPUTES.labels(provider, status)
    for reason in WEBHOOK_FAILURES:
        PAYMENT_WEBHOOK_FAILURES.labels(provider, reason)
for reason in WEBHOOK_FAILURES:
    STRIPE_WEBHOOK_FAILURES.labels(reason)


def count_webhook_failure(provider: str, reason: str) -> None:
    """Count a webhook that was refused; Stripe's also under the name that its alert knows."""
    PAYMENT_WEBHOOK_FAILURES.labels(provider, reason).inc()
    if provider == "stripe":
        STRIPE_WEBHOOK_FAILURES.labels(reason).inc()
