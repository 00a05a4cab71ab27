"""Requests that fail or take long."""

from monitoring.catalogue.scenarios.scenario import Scenario, Values, grows

PATH = 'job="app-web",method="GET",path="/"'
ORDERS = 'job="app-web",method="POST",path="/api/v1/orders/"'
SCANS = 'job="app-web",method="POST",path="/api/scan"'


def requests(labels: str, status: str, *a_minute: float) -> dict[str, Values]:
    return {f'http_requests_total{{{labels},status="{status}"}}': grows(*a_minute)}


def durations(labels: str, bounds: tuple[str, ...], *a_minute: tuple[float, ...]) -> dict[str, Values]:
    """A histogram by its bounds; each phase says how many requests a minute stay below each bound."""
    phases = zip(*a_minute, strict=True)
    return {
        f'http_request_duration_seconds_bucket{{{labels},le="{bound}"}}': grows(*phase)
        for bound, phase in zip(bounds, phases, strict=True)
    }


SCENARIOS = [
    Scenario(
        alert="HighErrorRate",
        feeds=requests(PATH, "200", 60, 60, 60) | requests(PATH, "500", 0, 3, 0),
        fires=14,
        heals=30,
        resolves=37,
        description="4.762% of all requests failed in the last 5 minutes (limit 2%).",
        quiet=(
            requests(PATH, "200", 981) | requests(PATH, "500", 19),
            requests(PATH, "200", 2) | requests(PATH, "500", 2),
        ),
    ),
    Scenario(
        alert="HighErrorRateByPath",
        feeds=(
            requests(PATH, "200", 600, 600, 600)
            | requests(ORDERS, "201", 20, 20, 20)
            | requests(ORDERS, "503", 0, 5, 0)
        ),
        fires=16,
        heals=30,
        resolves=33,
        labels={"path": "/api/v1/orders/"},
        description="20% of the requests to /api/v1/orders/ failed (limit 5%).",
        quiet=(
            requests(ORDERS, "201", 95.2) | requests(ORDERS, "503", 4.8),
            requests(ORDERS, "201", 2) | requests(ORDERS, "503", 2),
        ),
    ),
    Scenario(
        alert="HighErrorVolume",
        feeds=requests(PATH, "200", 60000, 60000, 60000) | requests(PATH, "502", 0, 720, 0),
        fires=19,
        heals=30,
        resolves=30,
        description="12.0 requests a second fail (limit 10).",
        quiet=(requests(PATH, "200", 60000) | requests(PATH, "502", 594),),
    ),
    Scenario(
        alert="ApiResponseTimeHigh",
        feeds=requests(ORDERS, "201", 60, 60, 60)
        | durations(ORDERS, ("1.0", "1.5", "+Inf"), (60, 60, 60), (0, 60, 60), (60, 60, 60)),
        fires=15,
        heals=30,
        resolves=34,
        description="95% of these requests take up to 1.475s (limit 1s).",
        quiet=(
            # Other pages may take longer.
            requests(PATH, "200", 60) | durations(PATH, ("1.0", "1.5", "+Inf"), (0, 60, 60)),
            # Fewer than one in twenty.
            requests(ORDERS, "201", 60) | durations(ORDERS, ("1.0", "1.5", "+Inf"), (58, 60, 60)),
            # One visitor every minute.
            requests(ORDERS, "201", 1) | durations(ORDERS, ("1.0", "1.5", "+Inf"), (0, 1, 1)),
        ),
    ),
    Scenario(
        alert="HighResponseTime",
        feeds=requests(PATH, "200", 60, 60, 60)
        | durations(PATH, ("2.0", "3.0", "+Inf"), (60, 60, 60), (0, 60, 60), (60, 60, 60)),
        fires=15,
        heals=30,
        resolves=34,
        description="95% of all requests take up to 2.95s (limit 2s).",
        quiet=(
            requests(PATH, "200", 60) | durations(PATH, ("2.0", "3.0", "+Inf"), (58, 60, 60)),
            requests(PATH, "200", 2) | durations(PATH, ("2.0", "3.0", "+Inf"), (0, 2, 2)),
        ),
    ),
    Scenario(
        alert="HighScanLatency",
        feeds=requests(SCANS, "200", 60, 60, 60)
        | durations(SCANS, ("0.3", "0.5", "+Inf"), (60, 60, 60), (0, 60, 60), (60, 60, 60)),
        fires=11,
        heals=30,
        resolves=34,
        description="95% of all scans take up to 490ms (limit 300ms).",
        quiet=(
            requests(PATH, "200", 60) | durations(PATH, ("0.3", "0.5", "+Inf"), (0, 60, 60)),
            requests(SCANS, "200", 60) | durations(SCANS, ("0.3", "0.5", "+Inf"), (58, 60, 60)),
            requests(SCANS, "200", 2) | durations(SCANS, ("0.3", "0.5", "+Inf"), (0, 2, 2)),
        ),
    ),
    Scenario(
        alert="HighSentryErrorCount",
        feeds={'sentry_errors_total{job="app-web",level="error"}': grows(0, 1, 0)},
        fires=60,
        heals=90,
        resolves=99,
        description="60 errors were logged in the last hour (limit 50).",
        quiet=({'sentry_errors_total{job="app-web",level="error"}': grows(0.8)},),
    ),
]
