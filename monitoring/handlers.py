"""What the leading worker does for monitoring by the clock, and lines on dashboards for what happens."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from events import handles, sweep
from events.models import OutboxMessage
from flags.events import FlagChanged
from monitoring import services
from monitoring.events import Deployed
from monitoring.window import SLOT_SECONDS


@sweep(every=timedelta(seconds=SLOT_SECONDS))
def measure() -> int:
    """The next slot of the last hour's window."""
    return services.record_slot(at=timezone.now())


@sweep(every=timedelta(minutes=1))
def end_silent_alerts() -> int:
    """Alerts whose end was not told."""
    return services.close_silent_alerts(at=timezone.now())


@sweep(every=timedelta(minutes=1))
def notice_deployment() -> int:
    """The build of whoever leads is the one that is deployed."""
    seen = services.record_deployment(version=settings.SITE_VERSION, commit=settings.SITE_COMMIT, at=timezone.now())
    return int(seen is not None)


@handles(Deployed, transactional=False)
def draw_deployment(message: OutboxMessage) -> None:
    """A line on the dashboards."""
    build = message.payload
    before = f", after {build['previous_version']}" if build["previous_version"] else ""
    draw(message, f"Deployed {build['version']} ({build['commit'][:12]}){before}", tags=["deployment"])


@handles(FlagChanged, transactional=False)
def draw_flag(message: OutboxMessage) -> None:
    """A line on the dashboards. Who changed it stays in the flag's history."""
    change = message.payload
    state = "on" if change["enabled"] else "off"
    reason = f": {change['reason']}" if change["reason"] else ""
    tags = ["flag", change["flag"], change["source"]]
    draw(message, f"Flag {change['flag']} changed, it is {state}{reason}", tags=tags)


def draw(message: OutboxMessage, text: str, *, tags: list[str]) -> None:
    services.annotate(
        key=str(message.public_id), text=text, tags=tags, happened_at=message.created_at, at=timezone.now()
    )
