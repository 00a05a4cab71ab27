"""Alertmanager's configuration as its entry script writes it, and amtool's and the server's word on it."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from monitoring.catalogue.alerts import ALERTS
from monitoring.receivers.alertmanager import write_config
from tests.binaries import require_binary
from tests.deploy.files import DEPLOY, read_yaml
from tests.live import free_ports, wait_for

SOURCE = DEPLOY / "alertmanager"

# Every setting there is: each channel has an address.
WHOLE = {
    "SLACK_WEBHOOK_URL": "https://hooks.slack.example/services/T0/B0/general",
    "SLACK_WEBHOOK_URL_PAYMENTS": "https://hooks.slack.example/services/T0/B0/payments",
    "SLACK_WEBHOOK_URL_BUSINESS": "https://hooks.slack.example/services/T0/B0/business",
    "SLACK_WEBHOOK_URL_CRITICAL": "https://hooks.slack.example/services/T0/B0/critical",
    "SLACK_WEBHOOK_URL_WARNING": "https://hooks.slack.example/services/T0/B0/warning",
    "SLACK_CHANNEL_DEFAULT": "#team-monitoring",
    "SLACK_CHANNEL_PAYMENTS": "#team-payments",
    "SLACK_CHANNEL_BUSINESS": "#team-business",
    "SLACK_CHANNEL_CRITICAL": "#team-critical",
    "SLACK_CHANNEL_WARNING": "#team-warnings",
    "DISCORD_WEBHOOK_URL": "https://discord.example/api/webhooks/1/a&b\\c'd",
    "SMTP_SMARTHOST": "mail.example:587",
    "SMTP_FROM": "alerts@shop.example",
    "SMTP_USERNAME": "alerts",
    "SMTP_PASSWORD": 'pass$word"`id`',
    "SMTP_REQUIRE_TLS": "false",
    "ALERT_EMAIL_TO": "oncall@shop.example",
    "HEARTBEAT_URL": "https://heartbeat.example/ping",
    "HEARTBEAT_TOKEN": "heart",
    "ALERTS_TOKEN": "site",
    "SITE_ALERTS_URL": "http://127.0.0.1:8000/monitoring/alerts",
    "SITE_GUARD_URL": "http://127.0.0.1:8000/api/v1/flags/hooks/alertmanager",
    "QUIET_HOURS": "1",
    "QUIET_HOURS_ZONE": "UTC",
}


def ask_amtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([require_binary("amtool"), *words], capture_output=True, text=True, check=False)


def receivers_of(file: Path, labels: Mapping[str, str]) -> list[str]:
    """Who gets an alert with these labels, by amtool."""
    matchers = [f"{name}={value}" for name, value in labels.items()]
    routed = ask_amtool("config", "routes", "test", f"--config.file={file}", *matchers)
    assert routed.returncode == 0, routed.stdout + routed.stderr
    return routed.stdout.strip().split(",")


def labels_of(name: str, *, scope: str = "", **more: str) -> dict[str, str]:
    """The labels of an alert of the catalogue; `more` stands for what its series bring along."""
    alert = next(alert for alert in ALERTS if alert.name == name and scope in {"", alert.scope})
    labels = {"alertname": name, **alert.labels, **more}
    assert not any("{{" in value for value in labels.values()), f"say what stands for the templates of {labels}"
    return labels


class Manager:
    """A running Alertmanager."""

    def __init__(self, url: str) -> None:
        self.url = url

    def post(self, *alerts: Mapping[str, str], over: bool = False, **annotations: str) -> None:
        """Tell of alerts, as Prometheus does; `over` ends them."""
        body: list[dict[str, Any]] = [{"labels": dict(labels), "annotations": annotations} for labels in alerts]
        for alert in body if over else ():
            alert["endsAt"] = datetime.now(UTC).isoformat()  # not in whole seconds: it must be after its start
        answer = httpx.post(f"{self.url}/api/v2/alerts", json=body, timeout=30)
        assert answer.is_success, answer.text

    def silenced(self, labels: Mapping[str, str]) -> bool:
        """Whether another alert inhibits this one."""
        filters = [f'{name}="{value}"' for name, value in labels.items()]
        answer = httpx.get(f"{self.url}/api/v2/alerts", params={"filter": filters}, timeout=30)
        [alert] = answer.raise_for_status().json()
        return bool(alert["status"]["inhibitedBy"])


def quick(config: dict[str, Any]) -> dict[str, Any]:
    """The same routes without waiting."""
    config["route"] |= {"group_wait": "100ms", "group_interval": "1s"}
    for route in config["route"]["routes"]:
        route |= {"group_wait": "100ms", "group_interval": "1s"}
        if route["receiver"] == "heartbeat":
            route["repeat_interval"] = "1s"
    return config


@contextmanager
def alertmanager(folder: Path, settings: Mapping[str, str], *, all_day_quiet: bool = False) -> Iterator[Manager]:
    """The real server with the deployed configuration, in a hurry."""
    file = write_config(folder, settings)
    config = quick(read_yaml(file))
    if all_day_quiet:
        config["time_intervals"][0]["time_intervals"] = [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    (port,) = free_ports(1)
    command = [
        require_binary("prometheus-alertmanager"),
        f"--config.file={file}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    log = folder / "server.log"
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            manager = Manager(f"http://127.0.0.1:{port}")
            wait_for(lambda: answers(f"{manager.url}/-/ready"), f"Alertmanager, which logs to {log}")
            yield manager
        finally:
            process.terminate()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).is_success
    except httpx.TransportError:
        return False


def strings_in(value: Any) -> Iterable[str]:
    """Every text of a parsed document."""
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from strings_in(each)
        case list():
            for each in value:
                yield from strings_in(each)
