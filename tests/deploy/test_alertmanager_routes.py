"""Who gets which alert, and how often; asked of amtool for every class of alerts that the catalogue has."""

from pathlib import Path
from typing import Any

import pytest

from monitoring.catalogue.alerts import ALERTS
from monitoring.catalogue.alerts.alert import Alert
from monitoring.receivers.alertmanager import write_config
from tests.deploy.alertmanager import WHOLE, receivers_of
from tests.deploy.files import read_yaml

# (severity, category; "" is any other) → receivers.
EXPECTED = {
    ("critical", ""): ["site", "critical"],
    ("warning", ""): ["site", "warning"],
    ("info", ""): ["site", "default"],
    ("critical", "payments"): ["site", "payments", "critical"],
    ("warning", "payments"): ["site", "payments", "warning"],
    ("warning", "business"): ["site", "business"],
}
BY_NAME = {"Watchdog": ["heartbeat"], "InfoInhibitor": ["null"]}
INTERVALS = {
    "heartbeat": ("0s", "1m", "5m"),
    "site": ("5s", "30s", "5m"),
    "payments": (None, None, "2h"),
    "business": (None, None, "24h"),
    "critical": (None, None, "4h"),
    "warning": (None, None, "12h"),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("routes"), WHOLE)


@pytest.fixture(scope="module")
def config(file: Path) -> dict[str, Any]:
    return read_yaml(file)


def expected_for(alert: Alert) -> list[str]:
    """By the tables above. A class that is missing there is a KeyError."""
    special = {category for _, category in EXPECTED}
    category = alert.category if alert.category in special else ""
    return BY_NAME.get(alert.name) or EXPECTED[alert.severity, category]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}-{alert.scope}".rstrip("-"))
def test_alert_of_the_catalogue__reaches_its_receivers(file: Path, alert: Alert) -> None:
    labels = {"alertname": alert.name, **alert.labels, "service": alert.service.split()[0].strip("{}$") or "web"}

    assert receivers_of(file, labels) == expected_for(alert)


def test_every_class__has_an_alert_in_the_catalogue() -> None:
    """Else its line above would prove nothing."""
    assert [key for key in EXPECTED if not any(EXPECTED[key] == expected_for(alert) for alert in ALERTS)] == []


@pytest.mark.parametrize("labels", [{}, {"severity": "debug"}, {"severity": "info", "category": "capacity"}])
def test_alert_without_a_route_of_its_own__reaches_the_default_receiver(file: Path, labels: dict[str, str]) -> None:
    assert receivers_of(file, {"alertname": "Anything", **labels}) == ["site", "default"]


def test_groups__are_made_by_alert_cluster_and_service(config: dict[str, Any]) -> None:
    root = config["route"]

    assert root["group_by"] == ["alertname", "cluster", "service"]
    assert (root["group_wait"], root["group_interval"], root["repeat_interval"]) == ("30s", "5m", "12h")
    assert not any("group_by" in route for route in root["routes"])


def test_each_receiver__is_told_again_after_its_own_time(config: dict[str, Any]) -> None:
    routes = {route["receiver"]: route for route in config["route"]["routes"] if "repeat_interval" in route}

    assert {
        name: tuple(route.get(key) for key in ("group_wait", "group_interval", "repeat_interval"))
        for name, route in routes.items()
    } == INTERVALS


def test_resolution__is_told_everywhere_but_to_the_heartbeat(config: dict[str, Any]) -> None:
    told = {
        receiver["name"]: {found.get("send_resolved") for key in receiver if key != "name" for found in receiver[key]}
        for receiver in config["receivers"]
    }

    assert told.pop("heartbeat") == {False}
    assert told.pop("site") == {True, False}  # the alerts' page hears of it; a flag that a guard turned off stays off
    assert told.pop("null") == set()
    assert all(answers == {True} for answers in told.values()), told
