"""Orders, payments, vouchers, gifts, cashback."""

from monitoring.catalogue.series.series import IMPORTER, STATE, WEB, WORKERS, counter, gauge, histogram

DAY = 86400
ORDER_SECONDS = (0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120)
CLAIM_SECONDS = (60, 300, 900, 3600, 4 * 3600, 12 * 3600, DAY, 2 * DAY, 4 * DAY, 7 * DAY, 14 * DAY, 30 * DAY)
IMPORT_SECONDS = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

ORDERS = (
    counter("orders_created_total", "Orders that hold stock, whatever becomes of them", jobs=WEB, seeds="000 001 004"),
    counter(
        "orders_total",
        "Orders by how they ended: paid, or expired, cancelled, refunded unpaid",
        "status",
        jobs=WORKERS,
        seeds="001",
    ),
    counter("orders_refused_total", "Attempts that made no order", "reason", jobs=WEB),
    histogram(
        "order_processing_duration_seconds",
        "From reservation to vouchers",
        buckets=ORDER_SECONDS,
        jobs=WORKERS,
        seeds="001 004",
    ),
    counter("order_gate_answers_total", "What the gate in front of the database said", "answer", jobs=WEB),
    gauge("orders_pending", "Orders that hold stock and wait for money", jobs=STATE, seeds="001"),
    gauge("orders_overdue", "Unpaid orders whose hold should have ended", jobs=STATE),
    gauge("flash_sale_inventory_units", "Units left of products on sale", "product", jobs=STATE, seeds="001"),
)

PAYMENTS = (
    counter("payment_total", "Payments started", "provider", jobs=WORKERS, seeds="004"),
    counter("payment_success_total", "Payments captured", "provider", jobs=WORKERS, seeds="004"),
    counter("payment_declined_total", "Payments that the provider declined", "provider", jobs=WORKERS),
    counter("payment_refunds_total", "Refunds by how they ended", "provider status", jobs=WORKERS),
    counter("payment_disputes_total", "Disputes by how far they went", "provider status", jobs=WORKERS),
    counter("payment_webhooks_total", "Webhooks accepted", "provider", jobs=WEB),
    counter("payment_webhook_failures_total", "Webhooks refused", "provider reason", jobs=WEB),
    counter("stripe_webhook_failures_total", "Webhooks of Stripe refused", "reason", jobs=WEB, seeds="004"),
    gauge("payments_stuck", "Payments open for too long", jobs=STATE),
    gauge("payment_refunds_failed", "Payments with a refund that failed", jobs=STATE),
    gauge("payment_disputes_open", "Disputes that are not decided yet", jobs=STATE),
    gauge("payment_webhooks_waiting", "Webhooks not yet applied", jobs=STATE),
)

VOUCHERS = (
    counter(
        "ticket_generation_failures_total",
        "Attempts to issue an order's vouchers that failed",
        "reason",
        jobs=WORKERS,
        seeds="004",
    ),
    gauge("tickets_active_total", "Vouchers that can be used now or later", jobs=STATE, seeds="004"),
    counter("voucher_scans_total", "Answers given to tills that redeem", "result", jobs=WEB),
    counter("gifts_created_total", "Vouchers that were given away", "mode theme", jobs=WEB, seeds="002"),
    counter("gifts_claimed_total", "Gifts that were opened", "mode", jobs=WEB, seeds="002"),
    counter("gifts_expired_total", "Gifts that nobody opened in time", "mode", jobs=WORKERS, seeds="002"),
    histogram(
        "gift_value_usd",
        "What given vouchers are worth, in dollars",
        buckets=(5, 10, 25, 50, 100, 250, 500, 1000),
        jobs=WEB,
        seeds="002",
    ),
    histogram(
        "gift_claim_duration_seconds",
        "From the moment a gift could be opened until it was",
        buckets=CLAIM_SECONDS,
        jobs=WEB,
        seeds="002",
    ),
)

CASHBACK = (
    counter("cashback_confirmations_total", "Cashback events that were approved", "network", jobs=WORKERS, seeds="000"),
    gauge("cashback_pending_usd", "The same in dollars, by the site's rates", jobs=STATE, seeds="000"),
    gauge("cashback_pending_minor", "Cashback that is not yet the customers', by currency", "currency", jobs=STATE),
    gauge("cashback_events", "Cashback events by state", "state", jobs=STATE),
    gauge("cashback_oldest_pending_seconds", "How long the oldest waits for an approval", jobs=STATE),
    counter("wallet_transactions_total", "Transfers of the wallet's ledger", "kind status", jobs=WORKERS, seeds="002"),
    counter("payouts_total", "Payouts by what became of them", "status", jobs=WORKERS),
    gauge("payouts", "Payouts by state", "state", jobs=STATE),
    gauge("payouts_oldest_requested_seconds", "How long the oldest payout waits for a second person", jobs=STATE),
    gauge("payouts_stuck", "Payouts open at the bank for too long, or failed", jobs=STATE),
)

IMPORTS = (
    counter("import_jobs_total", "Import jobs that ended", "source status", jobs=IMPORTER, seeds="003"),
    counter("import_rows_total", "Lines of imported files by what came of them", "result", jobs=IMPORTER, seeds="003"),
    histogram(
        "import_job_duration_seconds",
        "Time from an import's start to its end",
        buckets=IMPORT_SECONDS,
        jobs=IMPORTER,
        seeds="003",
    ),
    gauge("import_jobs_in_progress", "Imports that this process is working on", jobs=IMPORTER, seeds="003"),
    gauge("import_jobs_stalled", "Running imports that do nothing", jobs=STATE),
)
