"""What is broken, and who has to hear of it."""

from collections.abc import Callable
from dataclasses import dataclass

from monitoring.drills.site import DrillSite
from monitoring.faults import OUTBOX_STALLED, PAYMENTS_DOWN, SCAN_SLOW

Act = Callable[[DrillSite], None]


@dataclass(frozen=True)
class Receiver:
    """A stand-in, by the kind of its notices and the channel that they name."""

    kind: str
    channel: str = ""  # any

    def __str__(self) -> str:
        return f"{self.kind} {self.channel}".strip()


MAIL = Receiver("email", "oncall@shop.example")
WARNING = (Receiver("slack", "#alerts-warnings"), MAIL)
CRITICAL = (Receiver("slack", "#alerts-critical"), Receiver("discord"), MAIL)
PAYMENTS = (Receiver("slack", "#payments-alerts"), *CRITICAL)


@dataclass(frozen=True, kw_only=True)
class Drill:
    """A fault, how it begins and ends, and the alert that has to come."""

    name: str
    fault: str
    alert: str
    receivers: tuple[Receiver, ...]
    cause: Act
    cure: Act


def by_flag(flag: str) -> dict[str, Act]:
    return {"cause": lambda site: site.turn(flag, "on"), "cure": lambda site: site.turn(flag, "off")}


# Warnings first: a critical alert silences those of its service, and needs a while to be over.
DRILLS = (
    Drill(name="scans", fault="scans slow", alert="HighScanLatency", receivers=WARNING, **by_flag(SCAN_SLOW)),
    Drill(
        name="outbox",
        fault="outbox stalled",
        alert="OutboxOldestPendingOld",
        receivers=WARNING,
        **by_flag(OUTBOX_STALLED),
    ),
    Drill(
        name="payments",
        fault="payments failing",
        alert="LowPaymentSuccessRate",
        receivers=PAYMENTS,
        **by_flag(PAYMENTS_DOWN),
    ),
    Drill(
        name="redis",
        fault="Redis stopped",
        alert="RedisDown",
        receivers=CRITICAL,
        cause=lambda site: site.servers.stop_redis(),
        cure=lambda site: site.start_servers(),
    ),
    Drill(
        name="postgres",
        fault="PostgreSQL stopped",
        alert="DatabaseConnectionIssues",
        receivers=CRITICAL,
        cause=lambda site: site.servers.stop_postgres(),
        cure=lambda site: site.start_servers(),
    ),
)
