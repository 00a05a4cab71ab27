"""Notifications as Alertmanager posts them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from events.events import as_json
from monitoring.services import AlertReport

NEVER = "0001-01-01T00:00:00Z"


def ended(report: AlertReport) -> AlertReport:
    """The end of the same, ten seconds after its beginning."""
    return replace(report, ends_at=report.starts_at + timedelta(seconds=10))


def report(*, seconds_ago: float = 60, fingerprint: str = "f1", **labels: str) -> AlertReport:
    """HighErrorRate of the web processes, as it began so long ago. Another call may give another moment."""
    starts_at = timezone.now().replace(microsecond=0) - timedelta(seconds=seconds_ago)
    return AlertReport(
        fingerprint=fingerprint,
        labels={"alertname": "HighErrorRate", "severity": "critical", "service": "web", **labels},
        annotations={
            "summary": "Too many requests fail",
            "description": "5 % of them",
            "runbook_url": "https://docs.example/runbooks/HighErrorRate/",
            "dashboard_url": "https://grafana.example/d/shop-http",
        },
        starts_at=starts_at,
        ends_at=None,
    )


def notification(*reports: AlertReport, **fields: Any) -> dict[str, Any]:
    """The document of Alertmanager's webhook, version 4."""
    alerts = [
        {
            "status": "resolved" if each.ends_at else "firing",
            "labels": dict(each.labels),
            "annotations": dict(each.annotations),
            "startsAt": nanoseconds(each.starts_at),
            "endsAt": nanoseconds(each.ends_at) if each.ends_at else NEVER,
            "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
            "fingerprint": each.fingerprint,
        }
        for each in reports
    ]
    group = {"receiver": "site", "groupKey": "{}", "truncatedAlerts": 0, "externalURL": "http://alertmanager:9093"}
    return {"version": "4", "status": alerts[0]["status"] if alerts else "firing", "alerts": alerts, **group, **fields}


def nanoseconds(moment: datetime) -> str:
    """Go's way of writing a time."""
    return str(as_json(moment)).replace("Z", ".348242024Z")
