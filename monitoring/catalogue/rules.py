"""The catalogue as rule files of Prometheus."""

from typing import Any

import yaml

from monitoring.catalogue import recording, slos
from monitoring.catalogue.alerts import ALERTS_BY_FILE, Alert
from monitoring.catalogue.recording import Group, Recording

FOLDER = "deploy/prometheus/rules"
HEADER = "# Written by `manage.py monitoring generate` from monitoring/catalogue/: change it there.\n"
ALERT_INTERVAL = "15s"

Yaml = dict[str, Any]


class Dumper(yaml.SafeDumper):
    """Expressions of several lines stay several lines."""


def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Dumper.add_representer(str, text)


def dump(content: Yaml) -> str:
    """A generated file."""
    body = yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return f"{HEADER}{body}"


RECORDINGS_BY_FILE: dict[str, tuple[Group, ...]] = {
    "recordings": (recording.HTTP, recording.YEARS),
    "slo": tuple(slos.groups()),
}


def files() -> dict[str, str]:
    """Path below the repository → content."""
    names = sorted({*ALERTS_BY_FILE, *RECORDINGS_BY_FILE})
    return {f"{FOLDER}/{name}.yml": dump({"groups": groups_of(name)}) for name in names}


def groups_of(file: str) -> list[Yaml]:
    """Recordings first: the alerts of the same file may ask for them."""
    recorded = [
        {
            "name": group.name,
            "interval": group.interval,
            "rules": [recording_rule(each) for each in group.recordings],
        }
        for group in RECORDINGS_BY_FILE.get(file, ())
    ]
    alerts = ALERTS_BY_FILE.get(file, ())
    rules = [{"name": file, "interval": ALERT_INTERVAL, "rules": [alerting_rule(alert) for alert in alerts]}]
    return recorded + (rules if alerts else [])


def recording_rule(rule: Recording) -> Yaml:
    return {"record": rule.record, "expr": rule.expr} | ({"labels": rule.labels} if rule.labels else {})


def alerting_rule(alert: Alert) -> Yaml:
    waits = {"for": alert.for_, "keep_firing_for": alert.keep_firing_for}
    return {
        "alert": alert.name,
        "expr": alert.expr,
        **{key: length for key, length in waits.items() if length and length != "0s"},
        "labels": alert.labels,
        "annotations": alert.annotations,
    }
