"""Figures that Prometheus works out ahead: for panels that many people open, and to be kept for years."""

from dataclasses import dataclass, field

from monitoring.catalogue.alerts.alert import APP


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A name for what an expression gives."""

    record: str
    expr: str
    help: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Recordings that are worked out together, in their order."""

    name: str
    interval: str  # below five minutes: for so long does a sample count
    recordings: tuple[Recording, ...]


def hourly(record: str, series: str, text: str) -> Recording:
    """What happened within the hour before: one sample of it stays readable for years."""
    return Recording(record=f"site:{record}:increase1h", expr=f"sum(increase({series}[1h]))", help=text)


HTTP = Group(
    name="http-recordings",
    interval="30s",
    recordings=(
        Recording(
            record="job:http_requests:rate5m",
            expr=f"sum by (job) (rate(http_requests_total{{{APP}}}[5m]))",
            help="Requests a second by job",
        ),
        Recording(
            record="path:http_requests:rate5m",
            expr=f"sum by (path) (rate(http_requests_total{{{APP}}}[5m]))",
            help="Requests a second by path",
        ),
        Recording(
            record="path:http_request_errors:ratio_rate5m",
            expr=(
                f'sum by (path) (rate(http_requests_total{{{APP},status=~"5.."}}[5m]))'
                f" / sum by (path) (rate(http_requests_total{{{APP}}}[5m]))"
            ),
            help="Share of requests that failed by path",
        ),
        Recording(
            record="path:http_request_duration_seconds:p95_5m",
            expr=(
                f"histogram_quantile(0.95, sum by (le, path) (rate(http_request_duration_seconds_bucket{{{APP}}}[5m])))"
            ),
            help="Time within which 95% of a path's requests are answered",
        ),
    ),
)
YEARS = Group(
    name="years",
    interval="4m",
    recordings=(
        hourly("http_requests", f"http_requests_total{{{APP}}}", "Requests"),
        hourly("http_request_errors", f'http_requests_total{{{APP},status=~"5.."}}', "Requests that failed"),
        hourly("orders_created", f"orders_created_total{{{APP}}}", "Orders"),
        hourly("payment_success", f"payment_success_total{{{APP}}}", "Payments captured"),
        hourly("gifts_created", f"gifts_created_total{{{APP}}}", "Gifts given"),
        hourly("gifts_claimed", f"gifts_claimed_total{{{APP}}}", "Gifts opened"),
        hourly("cashback_confirmations", f"cashback_confirmations_total{{{APP}}}", "Cashback approved"),
    ),
)
