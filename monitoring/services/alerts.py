"""What Alertmanager tells: one row per time that an alert fires, however often and by however many it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from django.db import connection, transaction

from coupon_site.transitions import move
from events import publish_many
from monitoring.events import AlertChanged, AlertFired, AlertResolved
from monitoring.metrics import alerts_received_total
from monitoring.models import Alert, AlertEnding, AlertState

# Alertmanager repeats every five minutes what still fires; what it has not repeated twice is over, or silenced there.
SILENCE = timedelta(minutes=15)
# So long may a notification be on its way; one that comes later after an end tells that the alert fires again.
ON_ITS_WAY = timedelta(minutes=2)
# What a repetition may change.
HEARD = ["received_at", "summary", "description", "runbook_url", "dashboard_url", "source_url"]


@dataclass(frozen=True, kw_only=True)
class AlertReport:
    """An alert as a notification tells of it. `ends_at` None: it fires."""

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None
    source_url: str = ""


@transaction.atomic
def receive_alerts(*, reports: Sequence[AlertReport], at: datetime) -> int:
    """Keep and announce what is new. Answers how many alerts began or ended; what is known already changes nothing."""
    keep_others_out()
    latest = latest_episodes({report.fingerprint for report in reports})
    events: list[AlertChanged] = []
    repeated: list[Alert] = []
    for report in sorted(reports, key=lambda report: report.starts_at):
        known = latest.get(report.fingerprint)
        if known is None or known.starts_at < report.starts_at:
            events += end(known, AlertEnding.REPLACED, at=report.starts_at)
            latest[report.fingerprint] = begin(report, at=at)
            events.append(event_of(latest[report.fingerprint]))
        elif known.starts_at == report.starts_at and known.ends_at is None and report.ends_at is None:
            repeated.append(heard_again(known, report, at=at))
        elif known.starts_at == report.starts_at:
            events += turn(known, report, at=at)
    Alert.objects.bulk_update(repeated, HEARD)
    publish_many(events)
    transaction.on_commit(partial(count, reports))
    return len(events)


@transaction.atomic
def close_silent_alerts(*, at: datetime) -> int:
    """End what Alertmanager no longer repeats: its end was not told, or was muted there. Answers how many."""
    keep_others_out()
    silent = Alert.objects.firing().filter(received_at__lt=at - SILENCE)
    events = [event for alert in silent for event in end(alert, AlertEnding.SILENT, at=at)]
    publish_many(events)
    return len(events)


def keep_others_out() -> None:
    """One notification at a time. Alertmanagers of a cluster may tell the same at the same moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('monitoring alerts', 0))")


def latest_episodes(fingerprints: set[str]) -> dict[str, Alert]:
    """The last time that each of them fired."""
    rows = Alert.objects.filter(fingerprint__in=fingerprints).order_by("fingerprint", "-starts_at")
    return {alert.fingerprint: alert for alert in rows.distinct("fingerprint")}


def begin(report: AlertReport, *, at: datetime) -> Alert:
    """The row of a new episode; perhaps the first that is heard of it is its end."""
    return Alert.objects.create(
        fingerprint=report.fingerprint,
        starts_at=report.starts_at,
        ends_at=report.ends_at and max(report.ends_at, report.starts_at),
        state=AlertState.RESOLVED if report.ends_at else AlertState.FIRING,
        ending=AlertEnding.REPORTED if report.ends_at else "",
        received_at=at,
        **facts_of(report),
    )


def heard_again(alert: Alert, report: AlertReport, *, at: datetime) -> Alert:
    """A firing alert as it is told now: texts with figures change from one time to the next."""
    alert.received_at = at
    for name, value in facts_of(report).items():
        setattr(alert, name, value)
    return alert


def turn(alert: Alert, report: AlertReport, *, at: datetime) -> list[AlertChanged]:
    """A known episode is over, or fires after its end; copies that were late change nothing."""
    if report.ends_at:
        return end(alert, AlertEnding.REPORTED, at=report.ends_at)
    if alert.ending == AlertEnding.REPORTED and alert.ends_at and at - alert.ends_at <= ON_ITS_WAY:
        return []
    move(alert, AlertState.FIRING, reason="fires again", ends_at=None, ending="", received_at=at)
    return [event_of(alert)]


def end(alert: Alert | None, ending: AlertEnding, *, at: datetime) -> list[AlertChanged]:
    """What there is to announce: nothing when it was over already."""
    if alert is None or alert.state == AlertState.RESOLVED:
        return []
    move(alert, AlertState.RESOLVED, reason=ending.label, ends_at=max(at, alert.starts_at), ending=ending)
    return [event_of(alert)]


def facts_of(report: AlertReport) -> dict[str, object]:
    """Columns of what a notification says, as short as they are wide."""
    labels, annotations = report.labels, report.annotations
    return {
        "name": labels.get("alertname", "")[:200],
        "severity": labels.get("severity", "")[:20],
        "category": labels.get("category", "")[:50],
        "service": labels.get("service", "")[:100],
        "labels": dict(labels),
        "summary": annotations.get("summary", "")[:500],
        "description": annotations.get("description", "")[:2000],
        "runbook_url": address(annotations.get("runbook_url", "")),
        "dashboard_url": address(annotations.get("dashboard_url", "")),
        "source_url": address(report.source_url),
    }


def address(url: str) -> str:
    """The address of a page; nothing when it is another kind of link, that a browser would run."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        return ""
    return url if scheme in {"http", "https"} and len(url) <= Alert.URL_LENGTH else ""


def event_of(alert: Alert) -> AlertChanged:
    kind = AlertFired if alert.state == AlertState.FIRING else AlertResolved
    return kind(
        alert=alert.public_id,
        alertname=alert.name,
        severity=alert.severity,
        category=alert.category,
        service=alert.service,
        summary=alert.summary,
        description=alert.description,
        state=str(alert.state),
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        runbook_url=alert.runbook_url,
        dashboard_url=alert.dashboard_url,
    )


def count(reports: Sequence[AlertReport]) -> None:
    for report in reports:
        alerts_received_total.labels("resolved" if report.ends_at else "firing").inc()
