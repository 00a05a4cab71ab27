"""Prometheus series of vouchers."""

from prometheus_client import Counter, Histogram

from orders.gifts import GiftMode, GiftTheme
from vouchers.answers import ScanResult

FAILURE_REASONS = ("order_missing", "codes_exhausted", "database", "defect")

ticket_generation_failures_total = Counter(
    "ticket_generation_failures_total", "Attempts to issue an order's vouchers that failed", ["reason"]
)
voucher_scans_total = Counter("voucher_scans_total", "Answers given to tills that redeem", ["result"])
gifts_created_total = Counter("gifts_created_total", "Vouchers that were given away", ["mode", "theme"])
gifts_claimed_total = Counter("gifts_claimed_total", "Gifts that were opened", ["mode"])
gifts_expired_total = Counter("gifts_expired_total", "Gifts that nobody opened in time", ["mode"])
gift_value_usd = Histogram(
    "gift_value_usd", "What given vouchers are worth, in dollars", buckets=(5, 10, 25, 50, 100, 250, 500, 1000)
)
gift_claim_duration_seconds = Histogram(
    "gift_claim_duration_seconds",
    "From the moment a gift could be opened until it was",
    buckets=(60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86400, 2 * 86400, 4 * 86400, 7 * 86400, 14 * 86400, 30 * 86400),
)

for _reason in FAILURE_REASONS:
    ticket_generation_failures_total.labels(reason=_reason)
for _result in ScanResult.values:
    voucher_scans_total.labels(result=_result)
for _mode in GiftMode.values:
    gifts_claimed_total.labels(mode=_mode)
    gifts_expired_total.labels(mode=_mode)
    for _theme in GiftTheme.values:
        gifts_created_total.labels(mode=_mode, theme=_theme)
