"""Requests of visitors: how many fail, how long they take."""

from monitoring.catalogue.alerts.alert import APP, Alert
from monitoring.catalogue.links import Dashboard

ALL_REQUESTS = f"sum(rate(http_requests_total{{{APP}}}[5m]))"
FAILED_REQUESTS = f'sum(rate(http_requests_total{{{APP},status=~"5.."}}[5m]))'
# Where a visitor who waits is a customer who leaves: sign-in, orders, payments.
CRITICAL_PATHS = "/admin/login/|/api/v1/(orders|payments)/.*|/stripe/webhook|/hooks/payments/.*"


def p95(matchers: str = APP) -> str:
    """The time within which 95 of 100 requests were answered."""
    return f"histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{{{matchers}}}[5m])))"


def rate(matchers: str) -> str:
    """Requests a second."""
    return f"sum(rate(http_requests_total{{{matchers}}}[5m]))"


SCAN = f'{APP},path="/api/scan"'
CRITICAL = f'{APP},path=~"{CRITICAL_PATHS}"'

HTTP = (
    Alert(
        name="HighErrorRate",
        measure=f"{FAILED_REQUESTS} / {ALL_REQUESTS}",
        threshold=0.02,
        guard=f"{ALL_REQUESTS} > 0.1",
        for_="2m",
        keep_firing_for="5m",
        severity="critical",
        category="availability",
        service="web",
        team="shop",
        summary="The site answers too many requests with a server error",
        description="{{ $value | humanizePercentage }} of all requests failed in the last 5 minutes (limit 2%).",
        dashboard=Dashboard.OVERVIEW,
        panel="Error Rate %",
        seeds=("000", "003"),
    ),
    Alert(
        name="HighErrorRateByPath",
        measure=(
            f'sum by (path) (rate(http_requests_total{{{APP},status=~"5.."}}[5m]))'
            f" / sum by (path) (rate(http_requests_total{{{APP}}}[5m]))"
        ),
        threshold=0.05,
        guard=f"sum by (path) (rate(http_requests_total{{{APP}}}[5m])) > 0.1",
        for_="5m",
        severity="critical",
        category="availability",
        service="web",
        team="shop",
        summary="One path answers too many requests with a server error",
        description="{{ $value | humanizePercentage }} of the requests to {{ $labels.path }} failed (limit 5%).",
        dashboard=Dashboard.HTTP,
        panel="Error Rate by Path",
        seeds=("000", "002"),
        aliases=("High Error Rate",),
    ),
    Alert(
        name="HighErrorVolume",
        measure=FAILED_REQUESTS,
        threshold=10,
        for_="5m",
        severity="critical",
        category="availability",
        service="web",
        team="shop",
        summary="Many requests a second end in a server error",
        description='{{ $value | printf "%.1f" }} requests a second fail (limit 10).',
        dashboard=Dashboard.OVERVIEW,
        panel="HTTP Error Rate (5xx)",
        seeds=("004",),
        aliases=("HighErrorRate",),
    ),
    Alert(
        name="ApiResponseTimeHigh",
        measure=p95(CRITICAL),
        threshold=1,
        guard=f"{rate(CRITICAL)} > 0.05",
        for_="5m",
        severity="critical",
        category="latency",
        service="web",
        team="shop",
        summary="Sign-in, orders or payments are slow",
        description="95% of these requests take up to {{ $value | humanizeDuration }} (limit 1s).",
        dashboard=Dashboard.HTTP,
        panel="Response Time of Critical Paths",
        seeds=("000", "002"),
        aliases=("API Response Time",),
    ),
    Alert(
        name="HighResponseTime",
        measure=p95(),
        threshold=2,
        guard=f"{ALL_REQUESTS} > 0.1",
        for_="5m",
        severity="warning",
        category="latency",
        service="web",
        team="shop",
        summary="The site as a whole is slow",
        description="95% of all requests take up to {{ $value | humanizeDuration }} (limit 2s).",
        dashboard=Dashboard.OVERVIEW,
        panel="HTTP Response Time (p95)",
        seeds=("000", "004"),
    ),
    Alert(
        name="HighScanLatency",
        measure=p95(SCAN),
        threshold=0.3,
        guard=f"{rate(SCAN)} > 0.05",
        for_="1m",
        severity="warning",
        category="latency",
        service="web",
        team="shop",
        summary="Tills wait for the answer to a scan",
        description="95% of all scans take up to {{ $value | humanizeDuration }} (limit 300ms).",
        dashboard=Dashboard.HTTP,
        panel="Voucher Scan Latency",
        seeds=("003",),
    ),
    Alert(
        name="HighSentryErrorCount",
        measure=f"sum(increase(sentry_errors_total{{{APP}}}[1h]))",
        threshold=50,
        severity="warning",
        category="availability",
        service="web",
        team="shop",
        summary="The site logs many errors",
        description='{{ $value | printf "%.0f" }} errors were logged in the last hour (limit 50).',
        dashboard=Dashboard.OVERVIEW,
        panel="Sentry Errors",
        seeds=("004",),
    ),
)
