"""Prometheus series of vouchers."""

from prometheus_client import Counter

from vouchers.answers import ScanResult

FAILURE_REASONS = ("order_missing", "codes_exhausted", "database", "defect")

ticket_generation_failures_total = Counter(
    "ticket_generation_failures_total", "Attempts to issue an order's vouchers that failed", ["reason"]
)
voucher_scans_total = Counter("voucher_scans_total", "Answers given to tills that redeem", ["result"])

for _reason in FAILURE_REASONS:
    ticket_generation_failures_total.labels(reason=_reason)
for _result in ScanResult.values:
    voucher_scans_total.labels(result=_result)
