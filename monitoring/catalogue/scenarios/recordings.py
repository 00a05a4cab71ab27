"""Figures worked out ahead."""

from monitoring.catalogue.scenarios.scenario import Feeds, Reading, grows

REQUESTS: Feeds = {
    'http_requests_total{job="app-web",method="GET",path="/",status="200"}': grows(54),
    'http_requests_total{job="app-web",method="GET",path="/",status="500"}': grows(6),
    'http_requests_total{job="app-web",method="GET",path="/scan/",status="200"}': grows(30),
    # What another product on the same Prometheus counts.
    'http_requests_total{job="grafana",method="GET",path="/",status="500"}': grows(600),
    'http_request_duration_seconds_bucket{job="app-web",method="GET",path="/",le="0.1"}': grows(0),
    'http_request_duration_seconds_bucket{job="app-web",method="GET",path="/",le="0.2"}': grows(60),
    'http_request_duration_seconds_bucket{job="app-web",method="GET",path="/",le="+Inf"}': grows(60),
}
BUSINESS: Feeds = {
    'orders_created_total{job="app-web"}': grows(3),
    'payment_success_total{job="app-worker",provider="stripe"}': grows(2),
    'gifts_created_total{job="app-web",mode="link",theme="birthday"}': grows(4),
    'gifts_claimed_total{job="app-web",mode="link"}': grows(1),
    'cashback_confirmations_total{job="app-worker",network="shop"}': grows(5),
}
READINGS = [
    Reading(
        title="requests by job and by path",
        feeds=REQUESTS,
        bounds=(0, 30),
        moments={
            20: {
                "job:http_requests:rate5m": {'job:http_requests:rate5m{job="app-web"}': 1.5},
                "path:http_requests:rate5m": {
                    'path:http_requests:rate5m{path="/"}': 1,
                    'path:http_requests:rate5m{path="/scan/"}': 0.5,
                },
                "path:http_request_errors:ratio_rate5m": {'path:http_request_errors:ratio_rate5m{path="/"}': 0.1},
                "round(path:http_request_duration_seconds:p95_5m, 0.001)": {'{path="/"}': 0.195},
            }
        },
    ),
    Reading(
        title="what happened within an hour",
        feeds={**REQUESTS, **BUSINESS},
        bounds=(0, 121),
        moments={
            120: {
                f"site:{record}:increase1h": {f"site:{record}:increase1h": value}
                for record, value in {
                    "http_requests": 5400,
                    "http_request_errors": 360,
                    "orders_created": 180,
                    "payment_success": 120,
                    "gifts_created": 240,
                    "gifts_claimed": 60,
                    "cashback_confirmations": 300,
                }.items()
            }
        },
    ),
]
