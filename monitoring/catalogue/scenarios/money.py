"""Payments, books, cashback, imports."""

from monitoring.catalogue.scenarios.scenario import Scenario, grows, shows

ATTEMPTS = 'payment_total{job="app-worker",provider="stripe"}'
SUCCESSES = 'payment_success_total{job="app-worker",provider="stripe"}'
REFUSED = 'stripe_webhook_failures_total{job="app-web",reason="wrong_signature"}'
CASHBACK = 'cashback_oldest_pending_seconds{job="app-state"}'
STALLED = 'import_jobs_stalled{job="app-state"}'
DAY = 86400


def broken(invariant: str) -> str:
    return f'reconciliation_broken_rows{{job="app-state",invariant="{invariant}"}}'


SCENARIOS = [
    Scenario(
        alert="LowPaymentSuccessRate",
        feeds={ATTEMPTS: grows(10, 10, 10), SUCCESSES: grows(10, 8, 10)},
        breaks=20,
        fires=35,
        heals=60,
        resolves=64,
        description="80% of the payments succeeded in the last 10 minutes (limit 90%).",
        quiet=(
            {ATTEMPTS: grows(100), SUCCESSES: grows(91)},
            {ATTEMPTS: grows(0.9), SUCCESSES: grows(0)},
        ),
    ),
    Scenario(
        alert="WebhookDeliveryFailures",
        feeds={REFUSED: grows(0, 45, 0)},
        fires=18,
        heals=30,
        resolves=31,
        description="0.75 webhooks a second are refused (limit 0.5).",
        quiet=({REFUSED: grows(29)},),
    ),
    Scenario(
        alert="PaidOrderWithoutCapture",
        feeds={broken("orders_paid_without_capture"): shows(0, 2, 0)},
        fires=10,
        heals=30,
        resolves=30,
        description="Paid orders without a captured payment: 2.",
        quiet=({broken("orders_paid_without_capture"): shows(0), broken("ledger_sum"): shows(1)},),
    ),
    Scenario(
        alert="WalletLedgerImbalance",
        feeds={broken("ledger_sum"): shows(0, 1, 0)},
        fires=10,
        heals=30,
        resolves=30,
        labels={"invariant": "ledger_sum"},
        description="Rows that break ledger_sum: 1.",
        quiet=({broken("ledger_sum"): shows(0), broken("orders_paid_without_capture"): shows(2)},),
    ),
    Scenario(
        alert="ReconciliationBroken",
        feeds={broken("gifts_overdue"): shows(0, 3, 0)},
        fires=15,
        heals=30,
        resolves=30,
        labels={"invariant": "gifts_overdue"},
        description="Rows that break gifts_overdue: 3.",
        quiet=(
            {broken("gifts_overdue"): shows(0)},
            {broken("ledger_sum"): shows(1), broken("orders_paid_without_capture"): shows(2)},
        ),
    ),
    Scenario(
        alert="CashbackStuck",
        feeds={CASHBACK: shows(3600, 8 * DAY, 3600)},
        fires=70,
        heals=90,
        resolves=90,
        description="The oldest cashback has waited for 8d 0h 0m 0s (limit 7d).",
        quiet=({CASHBACK: shows(7 * DAY)},),
    ),
    Scenario(
        alert="ImportJobStalled",
        feeds={STALLED: shows(0, 1, 0)},
        fires=15,
        heals=30,
        resolves=30,
        description="Running imports that do nothing: 1.",
        quiet=({STALLED: shows(0)},),
    ),
]
