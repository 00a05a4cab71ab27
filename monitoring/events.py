"""What monitoring announces: alerts to operators' browsers, deployments to whoever draws them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from events import Event


@dataclass(frozen=True, kw_only=True)
class AlertChanged(Event):
    """What both sides of an alert tell; `alert` is this one time that it fires."""

    channel = "events:alerts"
    aggregate = "alert"

    alert: UUID
    alertname: str
    severity: str
    category: str
    service: str
    summary: str
    description: str
    state: str
    starts_at: datetime
    ends_at: datetime | None
    runbook_url: str
    dashboard_url: str


class AlertFired(AlertChanged):
    """An alert fires, or fires again."""

    name = "alert.fired"


class AlertResolved(AlertChanged):
    """An alert is over, or is no longer told."""

    name = "alert.resolved"


@dataclass(frozen=True, kw_only=True)
class Deployed(Event):
    """Another build runs than before."""

    name = "deployment.seen"
    aggregate = "deployment"

    deployment: UUID
    version: str
    commit: str
    previous_version: str
