"""The dead-man receiver, as a process of its own: it speaks when the heartbeat stays away."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from monitoring.receivers import Receivers, running
from monitoring.stack.durations import seconds
from tests.deploy.alertmanager import SOURCE, alertmanager, answers, labels_of
from tests.deploy.files import read_yaml
from tests.live import free_ports, wait_for

pytestmark = pytest.mark.xdist_group("alertmanager")

TOKEN = "beating"
BEAT = {"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "Watchdog"}}]}
PROGRAM = SOURCE / "deadman.py"


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    with running() as receivers:
        yield receivers


@pytest.fixture
def deadman(receivers: Receivers, tmp_path: Path) -> Iterator[str]:
    """Its address. It waits for two seconds and repeats itself after another two."""
    (port,) = free_ports(1)
    slack = tmp_path / "slack"
    slack.write_text(f"{receivers.slack_url}\n")
    mail = {name: value for name, value in receivers.settings.items() if name.startswith(("SMTP", "ALERT_EMAIL"))}
    environment = {
        "DEADMAN_TOKEN": TOKEN,
        "DEADMAN_ADDRESS": f"127.0.0.1:{port}",
        "DEADMAN_SILENCE_SECONDS": "2",
        "DEADMAN_REMINDER_SECONDS": "2",
        "SLACK_WEBHOOK_URL_FILE": str(slack),
        **mail,
    }
    with subprocess.Popen([sys.executable, "-I", str(PROGRAM)], env=environment) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: answers(f"{address}/health"), "the dead-man receiver")
            yield address
        finally:
            process.terminate()


def beat(address: str, *, token: str = TOKEN, body: object = BEAT) -> int:
    signature = {"Authorization": f"Bearer {token}"}
    return httpx.post(f"{address}/heartbeat", json=body, headers=signature, timeout=30).status_code


def test_silence__is_told_by_slack_and_mail_again_and_when_it_is_over(deadman: str, receivers: Receivers) -> None:
    for kind in ("slack", "email"):
        receivers.wait_for(lambda notice, kind=kind: notice.kind == kind and "No heartbeat" in notice.text)
    assert httpx.get(f"{deadman}/health", timeout=30).status_code == 503
    wait_for(lambda: len(receivers.of("slack")) >= 2, "the reminder")

    assert beat(deadman) == 200

    receivers.wait_for(lambda notice: notice.kind == "slack" and "heartbeat is back" in notice.text)
    wait_for(lambda: beat(deadman) == 200 and answers(f"{deadman}/health"), "a good word within two seconds of a beat")


@pytest.fixture
def _slack_away(receivers: Receivers) -> None:
    receivers.failing["slack"] = 500


@pytest.mark.usefixtures("_slack_away")  # before there is anything to tell
def test_slack_away__is_told_by_mail(deadman: str, receivers: Receivers) -> None:
    receivers.wait_for(lambda notice: notice.kind == "email")

    assert receivers.of("slack") == []


@pytest.mark.parametrize(
    ("token", "body", "status"),
    [
        ("wrong", BEAT, 401),
        ("-", BEAT, 401),
        (TOKEN, {"alerts": [{"status": "resolved", "labels": {"alertname": "Watchdog"}}]}, 400),
        (TOKEN, {"alerts": [{"status": "firing", "labels": {"alertname": "RedisDown"}}]}, 400),
        (TOKEN, ["nonsense"], 400),
    ],
)
def test_what_is_no_heartbeat__is_refused(deadman: str, token: str, body: object, status: int) -> None:
    assert beat(deadman, token=token, body=body) == status


def test_alertmanagers_heartbeat__keeps_it_quiet(deadman: str, receivers: Receivers, tmp_path: Path) -> None:
    settings = {"HEARTBEAT_URL": f"{deadman}/heartbeat", "HEARTBEAT_TOKEN": TOKEN}
    with alertmanager(tmp_path / "alertmanager", settings) as manager:
        manager.post(labels_of("Watchdog"))
        wait_for(lambda: answers(f"{deadman}/health") and age(deadman) == 0, "the first heartbeat")
        wait_for(lambda: age(deadman) >= 1, "a while without one")
        wait_for(lambda: age(deadman) == 0, "the second heartbeat")


def age(address: str) -> int:
    """Seconds since the last heartbeat, as its health says."""
    return int(httpx.get(f"{address}/health", timeout=30).text.split()[2])


def test_patience__is_three_heartbeats_and_more() -> None:
    routes = read_yaml(SOURCE / "alertmanager.yml")["route"]["routes"]
    [heartbeat] = [route for route in routes if route["receiver"] == "heartbeat"]
    default = next(line for line in PROGRAM.read_text().splitlines() if line.startswith("SILENCE_SECONDS"))

    assert float(default.split("=")[1]) >= 3 * (
        seconds(heartbeat["repeat_interval"]) + seconds(heartbeat["group_interval"])
    )


@pytest.mark.parametrize(
    ("settings", "words"), [({}, "DEADMAN_TOKEN"), ({"DEADMAN_TOKEN": "x"}, "SLACK_WEBHOOK_URL or ALERT_EMAIL_TO")]
)
def test_without_its_settings__it_does_not_start(settings: dict[str, str], words: str) -> None:
    started = subprocess.run([sys.executable, str(PROGRAM)], env=settings, capture_output=True, text=True, check=False)

    assert started.returncode == 1
    assert words in started.stderr
