"""Alerts that fire, as the dashboard shows them. The browser makes the same rows out of events."""

from typing import TypedDict

from django.db.models import Case, IntegerField, Value, When

from events.events import as_json
from monitoring.models import Alert

SEVERITIES = ("critical", "warning", "info")
LENGTH = 50


class AlertRow(TypedDict):
    """A line; `alert` finds it again when it is over."""

    alert: str
    alertname: str
    severity: str
    service: str
    summary: str
    starts_at: str
    runbook_url: str
    dashboard_url: str


def firing() -> list[AlertRow]:
    """The worst first, then the oldest."""
    ranks = [When(severity=severity, then=Value(rank)) for rank, severity in enumerate(SEVERITIES)]
    rank = Case(*ranks, default=Value(len(SEVERITIES)), output_field=IntegerField())
    return [row_of(alert) for alert in Alert.objects.firing().order_by(rank, "starts_at", "pk")[:LENGTH]]


def row_of(alert: Alert) -> AlertRow:
    return AlertRow(
        alert=str(alert.public_id),
        alertname=alert.name,
        severity=alert.severity,
        service=alert.service,
        summary=alert.summary,
        starts_at=str(as_json(alert.starts_at)),
        runbook_url=alert.runbook_url,
        dashboard_url=alert.dashboard_url,
    )
