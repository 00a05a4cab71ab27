"""Error budgets that burn, and the recordings behind them."""

from collections.abc import Callable

from monitoring.catalogue.scenarios.scenario import Feeds, Reading, Scenario, grows

HOUR, DAY = 60, 1440
ANSWERED = 'http_requests_total{job="app-web",method="GET",path="/",status="200"}'
FAILED = 'http_requests_total{job="app-web",method="GET",path="/",status="500"}'
WEB = {"slo": "http-availability", "service": "web"}
WEB_LABELS = '{service="web",slo="http-availability"}'


def requests(*failed_of_1000: float) -> Feeds:
    """A thousand requests a minute, so many of them failed, by phase."""
    return {ANSWERED: grows(*(1000 - failed for failed in failed_of_1000)), FAILED: grows(*failed_of_1000)}


SCENARIOS = [
    Scenario(  # one hour and five minutes, while six hours are still well
        alert="SloBurnRatePage",
        feeds=requests(0, 20, 0),
        breaks=6 * HOUR,
        fires=415,
        heals=430,
        resolves=435,
        labels=WEB,
        description="The budget of http-availability burns 20.0 times as fast as it may.",
        quiet=(
            requests(0, 14),
            {ANSWERED: grows(0), FAILED: grows(0.8)},  # hardly anybody is there
        ),
        evaluated_every=5,
    ),
    Scenario(  # six hours and thirty minutes
        alert="SloBurnRatePage",
        feeds=requests(0, 8, 0),
        breaks=HOUR,
        fires=245,
        heals=5 * HOUR,
        resolves=310,
        labels=WEB,
        description="The budget of http-availability burns 6.4 times as fast as it may.",
        evaluated_every=5,
    ),
    Scenario(  # one day and two hours, while a busy day keeps three days well
        alert="SloBurnRateTicket",
        feeds={ANSWERED: grows(10_000, 99.6, 10_000), FAILED: grows(0, 0.4, 0)},
        breaks=DAY,
        fires=2 * DAY + 60,
        heals=2 * DAY + 150,
        resolves=2 * DAY + 150,
        labels=WEB,
        description="The budget of http-availability burns 4.0 times as fast as it may.",
        quiet=(
            {ANSWERED: grows(10_000, 99.71), FAILED: grows(0, 0.29)},
            {ANSWERED: grows(0), FAILED: grows(0.8)},
        ),
        evaluated_every=30,
    ),
    Scenario(  # three days and six hours
        alert="SloBurnRateTicket",
        feeds=requests(0, 1.5, 0),
        breaks=HOUR,
        fires=195,
        heals=5 * HOUR,
        resolves=360,
        labels=WEB,
        description="The budget of http-availability burns 1.2 times as fast as it may.",
        evaluated_every=5,
    ),
    Scenario(
        alert="SloBudgetExhausted",
        feeds=requests(0, 1000, 0),
        breaks=DAY,
        fires=DAY + 60,
        heals=DAY + 180,
        resolves=31 * DAY + 240,
        labels=WEB,
        description="http-availability has -8362% of its budget of 30 days left.",
        quiet=(requests(0.9),),
        evaluated_every=60,
    ),
]


def histogram(name: str, labels: str, good_bound: str, good: float, valid: float) -> Feeds:
    return {
        f'{name}_bucket{{{labels},le="{good_bound}"}}': grows(good),
        f'{name}_bucket{{{labels},le="+Inf"}}': grows(valid),
        f"{name}_count{{{labels}}}": grows(valid),
    }


EVERYTHING: Feeds = {
    **requests(2),
    **histogram("http_request_duration_seconds", 'job="app-web",method="GET",path="/"', "0.5", 90, 100),
    'http_request_duration_seconds_bucket{job="app-web",method="GET",path="/",le="2.0"}': grows(98),
    # A write is no read: none of these may count.
    **histogram("http_request_duration_seconds", 'job="app-web",method="POST",path="/api/v1/orders/"', "0.5", 0, 100),
    **histogram("order_processing_duration_seconds", 'job="app-worker"', "10.0", 97, 100),
    **histogram("outbox_delivery_delay_seconds", 'job="app-worker"', "60.0", 199, 200),
    **histogram("realtime_delivery_delay_seconds", 'job="app-web"', "1.0", 48, 50),
    'payment_total{job="app-worker",provider="stripe"}': grows(110),
    'payment_declined_total{job="app-worker",provider="stripe"}': grows(10),
    'payment_success_total{job="app-worker",provider="stripe"}': grows(95),
}
OBJECTIVES = {
    "http-availability": ("web", 0.999, 4990, 5000),
    "http-latency": ("web", 0.95, 450, 500),
    "http-latency-tail": ("web", 0.99, 490, 500),
    "checkout": ("orders", 0.99, 485, 500),
    "payments": ("payments", 0.98, 475, 500),
    "outbox": ("worker", 0.999, 995, 1000),
    "realtime": ("relay", 0.99, 240, 250),
}
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")


def of_each(record: str, figure: Callable[[float, float, float], float]) -> dict[str, float]:
    """A figure of each objective, of what is promised and what there was, under the labels of a recording."""
    return {
        f'{record}{{service="{service}",slo="{name}"}}': round(figure(*figures), 6)
        for name, (service, *figures) in OBJECTIVES.items()
    }


def plain(record: str, figure: Callable[[float, float, float], float]) -> tuple[str, dict[str, float]]:
    return record, of_each(record, figure)


def rounded(record: str, figure: Callable[[float, float, float], float]) -> tuple[str, dict[str, float]]:
    """Promtool compares to the last bit, and these are quotients."""
    return f"round({record}, 0.000001)", of_each("", figure)


def error_ratio(promised: float, good: float, valid: float) -> float:
    return 1 - good / valid


def burn_rate(promised: float, good: float, valid: float) -> float:
    return (1 - good / valid) / (1 - promised)


def looks_back(window: str, minutes: int, *, pace: int) -> Reading:
    """Bad for a while: a window remembers it for as long as it is, and no longer."""
    was_bad = f"slo:error_ratio:{window} > bool 0"
    return Reading(
        title=f"{window} looks back {window}",
        feeds=requests(0, 1000, 0),
        bounds=(0, HOUR, HOUR + pace, HOUR + minutes + 4 * pace),
        moments={
            HOUR + minutes - pace: {was_bad: {WEB_LABELS: 1}},
            HOUR + minutes + 3 * pace: {was_bad: {WEB_LABELS: 0}},
        },
        evaluated_every=pace,
    )


READINGS = [
    Reading(
        title="good, valid and promised events of each objective",
        feeds=EVERYTHING,
        bounds=(0, 81),
        moments={
            80: dict(
                [
                    plain("slo:objective:ratio", lambda promised, good, valid: promised),
                    plain("slo:good_events:increase5m", lambda promised, good, valid: good),
                    plain("slo:valid_events:increase5m", lambda promised, good, valid: valid),
                    plain("slo:valid_events:1h", lambda promised, good, valid: 12 * valid),
                ]
            )
        },
        evaluated_every=5,
    ),
    Reading(
        title="error ratio and burn rate of each window",
        feeds=EVERYTHING,
        bounds=(0, 41),
        moments={
            40: dict(
                [
                    *(rounded(f"slo:error_ratio:{window}", error_ratio) for window in WINDOWS),
                    *(rounded(f"slo:burn_rate:{window}", burn_rate) for window in WINDOWS),
                    rounded("slo:error_budget_remaining:ratio30d", lambda *figures: 1 - burn_rate(*figures)),
                ]
            )
        },
        evaluated_every=5,
    ),
    looks_back("5m", 5, pace=5),
    looks_back("30m", 30, pace=5),
    looks_back("1h", HOUR, pace=5),
    looks_back("2h", 2 * HOUR, pace=5),
    looks_back("6h", 6 * HOUR, pace=5),
    looks_back("1d", DAY, pace=30),
    looks_back("3d", 3 * DAY, pace=30),
]
