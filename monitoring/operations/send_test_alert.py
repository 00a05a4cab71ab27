"""`manage.py monitoring test-alert`: a made-up alert, watched on its way to the receivers."""

import time
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from monitoring.remote import Alertmanager, RemoteError, addresses

HELP = "Send a made-up alert to Alertmanager, and say which receivers it went to and whether they took it."
NAME = "TestAlert"
SEVERITIES = ("critical", "warning", "info")
POLL_SECONDS = 1.0
Counts = dict[str, tuple[float, float]]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--alertmanager", metavar="URL", default=addresses.ALERTMANAGER, help="(default %(default)s)")
    parser.add_argument("--severity", choices=SEVERITIES, default="warning", help="(default %(default)s)")
    parser.add_argument("--category", default="", help="such as payments or business, for the routes of those")
    parser.add_argument("--service", default="monitoring", help="(default %(default)s)")
    parser.add_argument("--name", default=NAME, help="of the alert (default %(default)s)")
    parser.add_argument("--minutes", type=float, default=5, help="until it resolves by itself (default 5)")
    parser.add_argument(
        "--wait", type=float, default=90, metavar="SECONDS", help="for the receivers; 0: don't (default 90)"
    )


def run(*, stdout: OutputWrapper, alertmanager: str, wait: float, **options: Any) -> str:
    server = Alertmanager(alertmanager)
    try:
        before = server.notifications()
        send(server, labels_of(options), minutes=options["minutes"])
        receivers = receivers_of(server, options["name"])
        stdout.write(f"{options['name']} ({options['severity']}) is on its way to {', '.join(receivers)}")
        return watch(server, before, server.integrations(receivers), wait, stdout) if wait > 0 else "Sent."
    except RemoteError as error:
        raise CommandError(str(error), returncode=1) from error


def labels_of(options: dict[str, Any]) -> dict[str, str]:
    labels = {"alertname": options["name"], "severity": options["severity"], "service": options["service"]}
    return labels | ({"category": options["category"]} if options["category"] else {})


def send(server: Alertmanager, labels: dict[str, str], *, minutes: float) -> None:
    now = datetime.now(UTC)
    annotations = {
        "summary": "A test: nothing is wrong",
        "description": f"Sent by hand to see whether alerts arrive. It resolves by itself within {minutes:g} minutes.",
    }
    server.post_alert(labels, annotations, starts_at=now, ends_at=now + timedelta(minutes=minutes))


def receivers_of(server: Alertmanager, name: str) -> list[str]:
    """Where Alertmanager's routes send the alert, as soon as it has taken it in. Raises CommandError when silenced."""
    for _ in range(10):
        for alert in server.alerts(f'alertname="{name}"'):
            if silences := alert["status"]["silencedBy"] + alert["status"]["inhibitedBy"]:
                raise CommandError(f"{name} is silenced or inhibited by {', '.join(silences)}", returncode=1)
            return sorted(each["name"] for each in alert["receivers"])
        time.sleep(POLL_SECONDS / 5)
    raise CommandError(f"Alertmanager has not taken in {name}", returncode=1)


def watch(server: Alertmanager, before: Counts, wanted: set[str], seconds: float, stdout: OutputWrapper) -> str:
    """Until each integration of the receivers has notified: a group waits half a minute for others."""
    if not wanted:
        raise CommandError("These receivers tell nobody.", returncode=1)
    deadline = time.monotonic() + seconds
    stdout.write(f"waiting up to {seconds:.0f} s for notifications…")
    missing = wanted
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        tried, failed = difference(before, server.notifications())
        if refused := wanted & failed:
            raise CommandError(f"Refused by {listed(refused)}: see Alertmanager's log.", returncode=1)
        if not (missing := wanted - tried):
            return f"Delivered: {listed(wanted)}."
    raise CommandError(f"No notification went out by {listed(missing)} within {seconds:.0f} s.", returncode=1)


def listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


def difference(before: Counts, after: Counts) -> tuple[set[str], set[str]]:
    """Integrations that notified, and that failed to: of whatever alert, Alertmanager does not tell."""
    tried = {name for name, counts in after.items() if counts[0] > before.get(name, (0, 0))[0]}
    failed = {name for name, counts in after.items() if counts[1] > before.get(name, (0, 0))[1]}
    return tried, failed
