"""Money in, money out, and whether the books agree."""

from monitoring.catalogue.alerts.money import CAPTURE, WALLET
from monitoring.catalogue.dashboards.colors import BAD, CALM, GOOD, NOTICE, OTHER, OUTCOMES
from monitoring.catalogue.dashboards.panel import Bars, Board, Lines, Panel, Query, Row, Stat
from monitoring.catalogue.dashboards.promql import chosen, highest, quantile, rate, state, total
from monitoring.catalogue.links import Dashboard

STARTED, CAPTURED, DECLINED = (chosen(f"payment_{what}") for what in ("total", "success_total", "declined_total"))
ENDINGS = (*OUTCOMES, ("opened", NOTICE), ("won", GOOD), ("lost", BAD))
UPSTREAM = (("^2xx$", GOOD), ("^3xx$", CALM), ("^4xx$", NOTICE), ("^(5xx|error)$", BAD))


def broken(matcher: str) -> str:
    return highest(state("reconciliation_broken_rows", matcher), "invariant")


PAYMENTS = Row(
    title="Payments",
    runbook="LowPaymentSuccessRate",
    panels=(
        Panel(
            title="Payment Success Rate",
            text=(
                "The share of payments started in the last 10 minutes that were captured; cards declined "
                "count against it."
            ),
            queries=(Query(f"{total(rate(CAPTURED, '10m'))} / {total(rate(STARTED, '10m'))}", "success"),),
            unit="percentunit",
            window="10m",
            maximum=1,
            seeds=("P33",),
        ),
        Panel(
            title="Payments by Provider",
            text="Payments started and captured, a second.",
            queries=(
                Query(total(rate(STARTED), "provider"), "{{provider}} started"),
                Query(total(rate(CAPTURED), "provider"), "{{provider}} captured"),
            ),
            unit="cps",
            colors=((".* captured$", GOOD), (".* started$", CALM)),
        ),
        Panel(
            title="Declines",
            text=(
                "Payments that the customer's bank declined, a second. "
                "Not ours to mend, unless all of one provider's are."
            ),
            queries=(Query(total(rate(DECLINED), "provider"), "{{provider}}"),),
            unit="cps",
            view=Lines(stacked=True),
        ),
        Panel(
            title="Webhook Failures",
            text=(
                "Messages of the provider that we refused, a second: a wrong secret, an old timestamp, or "
                "somebody who tries."
            ),
            queries=(Query(total(rate(chosen("stripe_webhook_failures_total"))), "refused"),),
            unit="cps",
            colors=(("refused", BAD),),
        ),
        Panel(
            title="Webhooks by Provider",
            text="Messages of providers accepted and refused, a second.",
            queries=(
                Query(total(rate(chosen("payment_webhooks_total")), "provider"), "{{provider}} accepted"),
                Query(total(rate(chosen("payment_webhook_failures_total")), "provider"), "{{provider}} refused"),
            ),
            unit="cps",
            colors=((".* accepted$", GOOD), (".* refused$", BAD)),
        ),
        Panel(
            title="Refunds and Disputes",
            text="Refunds by how they ended and disputes by how far they went, a second.",
            queries=(
                Query(total(rate(chosen("payment_refunds_total")), "status"), "refund {{status}}"),
                Query(total(rate(chosen("payment_disputes_total")), "status"), "dispute {{status}}"),
            ),
            unit="cps",
            colors=tuple((f"^(refund|dispute) {name.strip('^$')}$", color) for name, color in ENDINGS),
        ),
        Panel(
            title="Waiting Payments",
            text="Payments open for too long, messages not yet applied, refunds that failed, disputes that are open.",
            queries=(
                Query(highest(state("payments_stuck")), "stuck", now=True),
                Query(highest(state("payment_webhooks_waiting")), "webhooks", now=True),
                Query(highest(state("payment_refunds_failed")), "refunds failed", now=True),
                Query(highest(state("payment_disputes_open")), "disputes", now=True),
            ),
            unit="short",
            view=Stat(),
            width=24,
            height=4,
        ),
    ),
)

BOOKS = Row(
    title="Books",
    runbook="WalletLedgerImbalance",
    panels=(
        Panel(
            title="Paid Orders without Capture",
            text="Orders that count as paid though their money never came. Must be 0.",
            queries=(
                Query(highest(state("reconciliation_broken_rows", f'invariant="{CAPTURE}"')), "orders", now=True),
            ),
            unit="short",
            view=Stat(),
            width=6,
        ),
        Panel(
            title="Captures without an Order",
            text="Money taken for which nobody got anything. Must be 0.",
            queries=(
                Query(
                    highest(state("reconciliation_broken_rows", 'invariant="orders_captured_without_order"')),
                    "payments",
                    now=True,
                ),
            ),
            unit="short",
            view=Stat(),
            alerts=("ReconciliationBroken",),
            width=6,
        ),
        Panel(
            title="Ledger Imbalance",
            text="Rows that break the wallet's double entry, by invariant. Must be 0: stop payouts, then look.",
            queries=(Query(broken(f'invariant=~"{WALLET}"'), "{{invariant}}"),),
            unit="short",
            width=12,
        ),
        Panel(
            title="Broken Invariants",
            text="Rows that contradict each other, by invariant. `manage.py reconcile` names them.",
            queries=(Query(broken(f'invariant!~"{CAPTURE}|{WALLET}"'), "{{invariant}}"),),
            unit="short",
            width=24,
        ),
    ),
)

WALLET_ROW = Row(
    title="Wallet, cashback and payouts",
    runbook="CashbackStuck",
    panels=(
        Panel(
            title="Wallet Transactions",
            text="Transfers in the wallet's ledger, a second, by kind.",
            queries=(Query(total(rate(chosen("wallet_transactions_total")), "kind"), "{{kind}}"),),
            unit="cps",
            view=Lines(stacked=True),
            seeds=("P17",),
        ),
        Panel(
            title="Refused Transactions",
            text="Transfers that the ledger refused, a second: more than there was, or on a closed account.",
            queries=(Query(total(rate(chosen("wallet_transactions_total", 'status="refused"')), "kind"), "{{kind}}"),),
            unit="cps",
            view=Lines(stacked=True),
        ),
        Panel(
            title="Cashback Funnel",
            text="Cashback by how far it has come, from tracked to paid.",
            queries=(Query(total(state("cashback_events"), "state"), "{{state}}", now=True),),
            unit="short",
            view=Bars(),
            colors=OUTCOMES,
        ),
        Panel(
            title="Cashback Confirmations",
            text="Cashback approved, a second, by network.",
            queries=(Query(total(rate(chosen("cashback_confirmations_total")), "network"), "{{network}}"),),
            unit="cps",
            view=Lines(stacked=True),
        ),
        Panel(
            title="Cashback Pending",
            text="What we owe customers and have not approved yet, in dollars.",
            queries=(Query(highest(state("cashback_pending_usd")), "pending"),),
            unit="currencyUSD",
            colors=OUTCOMES,
        ),
        Panel(
            title="Oldest Pending Cashback",
            text="How long the oldest cashback has waited for an approval.",
            queries=(Query(highest(state("cashback_oldest_pending_seconds")), "oldest"),),
            unit="dtdurations",
        ),
        Panel(
            title="Payouts",
            text="Payouts by state.",
            queries=(Query(total(state("payouts"), "state"), "{{state}}"),),
            unit="short",
            colors=(*OUTCOMES, ("processing", "yellow"), ("unknown", OTHER), ("returned", NOTICE)),
        ),
        Panel(
            title="Oldest Payout Request",
            text="How long the oldest payout has waited for a second person.",
            queries=(Query(highest(state("payouts_oldest_requested_seconds")), "oldest"),),
            unit="dtdurations",
        ),
        Panel(
            title="Stuck Payouts",
            text="Payouts that have been at the bank for too long, or failed.",
            queries=(Query(highest(state("payouts_stuck")), "stuck", now=True),),
            unit="short",
            view=Stat(),
        ),
    ),
)

OTHERS = Row(
    title="Services of others",
    runbook="LowPaymentSuccessRate",
    panels=(
        Panel(
            title="Requests to Others",
            text="What we ask banks, providers and endpoints, a second.",
            queries=(Query(total(rate(chosen("upstream_requests_total")), "service"), "{{service}}"),),
            unit="reqps",
            view=Lines(stacked=True),
        ),
        Panel(
            title="Answers of Others",
            text="How they answer. `error`: not at all.",
            queries=(Query(total(rate(chosen("upstream_requests_total")), "status"), "{{status}}"),),
            unit="reqps",
            view=Lines(stacked=True),
            colors=UPSTREAM,
        ),
        Panel(
            title="Response Time of Others (p95)",
            text="95 of 100 requests are answered within this time, by service.",
            queries=(
                Query(quantile(0.95, chosen("upstream_request_duration_seconds_bucket"), "service"), "{{service}}"),
            ),
            unit="s",
        ),
    ),
)

PAYMENTS_WALLET = Board(
    uid=Dashboard.PAYMENTS_WALLET,
    title="Payments and wallet",
    text="Money in, money out, and whether the books agree.",
    rows=(PAYMENTS, BOOKS, WALLET_ROW, OTHERS),
    since="now-3h",
)
