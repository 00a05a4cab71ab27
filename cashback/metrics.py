"""Prometheus series of cashback."""

from prometheus_client import Counter, Gauge, Histogram

# Our own orders, and the networks whose file layouts come with the product; others appear with their first event.
FIRST_NETWORKS = ("shop", "online-retail", "awin", "cj", "rakuten")
WALLET_KINDS = (
    "accrual",
    "amendment",
    "clawback",
    "decline",
    "release",
    "reversal",
    "payout",
    "settlement",
    "return",
    "adjustment",
)
PAYOUT_STATUSES = ("requested", "rejected", "paid", "failed", "unknown", "returned")
WALLET_STATUSES = ("booked", "refused")
IMPORT_SOURCES = ("upload", "command")
IMPORT_STATUSES = ("done", "done_with_errors", "failed", "cancelled")
ROW_RESULTS = ("created", "amended", "unchanged", "skipped_duplicate", "error")

cashback_confirmations_total = Counter(
    "cashback_confirmations_total", "Cashback events that were approved", ["network"]
)
wallet_transactions_total = Counter("wallet_transactions_total", "Transfers of the wallet's ledger", ["kind", "status"])
payouts_total = Counter("payouts_total", "Payouts by what became of them", ["status"])
import_jobs_total = Counter("import_jobs_total", "Import jobs that ended", ["source", "status"])
import_rows_total = Counter("import_rows_total", "Lines of imported files by what came of them", ["result"])
import_job_duration_seconds = Histogram(
    "import_job_duration_seconds",
    "Time from an import's start to its end",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600),
)
import_jobs_in_progress = Gauge("import_jobs_in_progress", "Imports that this process is working on")

for _network in FIRST_NETWORKS:
    cashback_confirmations_total.labels(network=_network)
for _kind in WALLET_KINDS:
    for _status in WALLET_STATUSES:
        wallet_transactions_total.labels(kind=_kind, status=_status)
for _status in PAYOUT_STATUSES:
    payouts_total.labels(status=_status)
for _source in IMPORT_SOURCES:
    for _status in IMPORT_STATUSES:
        import_jobs_total.labels(source=_source, status=_status)
for _result in ROW_RESULTS:
    import_rows_total.labels(result=_result)
