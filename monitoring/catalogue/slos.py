"""What the site promises over thirty days, and the recordings that follow how much of each promise is left."""

from collections.abc import Iterator
from dataclasses import dataclass

from monitoring.catalogue.alerts.alert import APP, number
from monitoring.catalogue.recording import Group, Recording

WINDOW_DAYS = 30
# A server that forgets sooner would judge by a part of the month and call it the whole.
LEAST_RETENTION_DAYS = 35
SHORT_WINDOWS = ("5m", "30m", "1h", "2h", "6h")
LONG_WINDOWS = ("1d", "3d", "30d")


@dataclass(frozen=True, kw_only=True)
class Slo:
    """A share of events that must be good; each as the number of the last five minutes."""

    name: str
    service: str
    objective: float
    good: str
    valid: str
    help: str

    @property
    def labels(self) -> dict[str, str]:
        return {"slo": self.name, "service": self.service}


def within(histogram: str, bound: str, matchers: str = APP) -> tuple[str, str]:
    """Good and valid events where good means: not slower than a bound of the histogram."""
    good = f'sum(increase({histogram}_bucket{{{matchers},le="{bound}"}}[5m]))'
    return good, f"sum(increase({histogram}_count{{{matchers}}}[5m]))"


def payments(kind: str) -> str:
    return f"sum(increase(payment_{kind}{{{APP}}}[5m]))"


READS = f'{APP},method=~"GET|HEAD"'
FAST, FAST_VALID = within("http_request_duration_seconds", "0.5", READS)
TAIL, TAIL_VALID = within("http_request_duration_seconds", "2.0", READS)
PROCESSED, ORDERS = within("order_processing_duration_seconds", "10.0")
DELIVERED, MESSAGES = within("outbox_delivery_delay_seconds", "60.0")
SHOWN, EVENTS = within("realtime_delivery_delay_seconds", "1.0")

SLOS = (
    Slo(
        name="http-availability",
        service="web",
        objective=0.999,
        good=f'sum(increase(http_requests_total{{{APP},status!~"5.."}}[5m]))',
        valid=f"sum(increase(http_requests_total{{{APP}}}[5m]))",
        help="Requests that do not end in a server error",
    ),
    Slo(
        name="http-latency",
        service="web",
        objective=0.95,
        good=FAST,
        valid=FAST_VALID,
        help="Pages and reads answered within half a second",
    ),
    Slo(
        name="http-latency-tail",
        service="web",
        objective=0.99,
        good=TAIL,
        valid=TAIL_VALID,
        help="Pages and reads answered within two seconds",
    ),
    Slo(
        name="checkout",
        service="orders",
        objective=0.99,
        good=PROCESSED,
        valid=ORDERS,
        help="Orders whose vouchers are there within ten seconds",
    ),
    Slo(
        name="payments",
        service="payments",
        objective=0.98,
        good=payments("success_total"),
        valid=f"{payments('total')} - {payments('declined_total')}",
        help="Payments that succeed, of those that no bank declined",
    ),
    Slo(
        name="outbox",
        service="worker",
        objective=0.999,
        good=DELIVERED,
        valid=MESSAGES,
        help="Messages handled within a minute of being due",
    ),
    Slo(
        name="realtime",
        service="relay",
        objective=0.99,
        good=SHOWN,
        valid=EVENTS,
        help="Events at the first socket within a second",
    ),
)


def events(slo: Slo) -> Iterator[Recording]:
    """What the windows are made of."""
    yield Recording(
        record="slo:objective:ratio",
        expr=f"vector({number(slo.objective)})",
        labels=slo.labels,
        help="What is promised",
    )
    yield Recording(
        record="slo:good_events:increase5m", expr=slo.good, labels=slo.labels, help="Good events of five minutes"
    )
    yield Recording(
        record="slo:valid_events:increase5m", expr=slo.valid, labels=slo.labels, help="All events of five minutes"
    )


def window(length: str) -> Iterator[Recording]:
    """The share of bad events within a window, and how fast the budget would be spent by it.

    Every event is in several samples of five minutes; in good and valid alike, so that the share is right.
    """
    good, valid = (f"sum_over_time(slo:{kind}_events:increase5m[{length}])" for kind in ("good", "valid"))
    yield Recording(
        record=f"slo:error_ratio:{length}",
        # A payment may succeed after the window in which it was started: never below none.
        expr=f"clamp_min(1 - {good} / ({valid} > 0), 0)",
        help=f"Share of bad events in {length}",
    )
    yield Recording(
        record=f"slo:burn_rate:{length}",
        expr=f"slo:error_ratio:{length} / (1 - slo:objective:ratio)",
        help=f"Bad events in {length}, as a multiple of what may be bad",
    )


def groups() -> Iterator[Group]:
    """In the order of what needs what; a sample is never older than two minutes."""
    yield Group(
        name="slo-events", interval="1m", recordings=tuple(recording for slo in SLOS for recording in events(slo))
    )
    traffic = Recording(
        record="slo:valid_events:1h",
        expr="avg_over_time(slo:valid_events:increase5m[1h]) * 12",
        help="All events of an hour",
    )
    short = tuple(recording for length in SHORT_WINDOWS for recording in window(length))
    yield Group(name="slo-short-windows", interval="1m", recordings=(traffic, *short))
    left = Recording(
        record="slo:error_budget_remaining:ratio30d",
        expr="1 - slo:burn_rate:30d",
        help="What is left of the budget; below 0 the promise is broken",
    )
    long = tuple(recording for length in LONG_WINDOWS for recording in window(length))
    yield Group(name="slo-long-windows", interval="2m", recordings=(*long, left))
