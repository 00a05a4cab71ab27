"""What the entry script makes of alertmanager.yml and the environment."""

import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitoring.receivers.alertmanager import write_config
from tests.deploy.alertmanager import SOURCE, WHOLE, ask_amtool, receivers_of, strings_in
from tests.deploy.files import read_yaml

Integrations = dict[str, dict[str, Any]]

SLACK = {"SLACK_WEBHOOK_URL": WHOLE["SLACK_WEBHOOK_URL"]}
MAIL = {name: WHOLE[name] for name in ("ALERT_EMAIL_TO", "SMTP_SMARTHOST", "SMTP_FROM")}


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def written(**settings: str) -> dict[str, Any]:
        return read_yaml(write_config(tmp_path, settings))

    return written


def channels_of(config: dict[str, Any]) -> dict[str, set[str]]:
    """Receiver → kinds of integrations."""
    return {
        receiver["name"]: {key.removesuffix("_configs") for key in receiver if key != "name"}
        for receiver in config["receivers"]
    }


def test_configuration_as_it_stands__amtool_accepts_it() -> None:
    checked = ask_amtool("check-config", str(SOURCE / "alertmanager.yml"))

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("settings", [{}, SLACK, MAIL, WHOLE], ids=["nothing", "slack", "mail", "everything"])
def test_rendered_configuration__amtool_accepts_it(tmp_path: Path, settings: dict[str, str]) -> None:
    checked = ask_amtool("check-config", str(write_config(tmp_path, settings)))

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_route_to_nobody__amtool_refuses_it(tmp_path: Path) -> None:
    """The control: amtool would say so."""
    file = write_config(tmp_path, {})
    file.write_text(file.read_text().replace("receiver: default", "receiver: nobody"))

    assert ask_amtool("check-config", str(file)).returncode == 1


def test_broken_template__amtool_refuses_it(tmp_path: Path) -> None:
    """The control: templates are read as well."""
    file = write_config(tmp_path, {})
    (tmp_path / "templates" / "broken.tmpl").write_text('{{ define "broken" }}')

    assert ask_amtool("check-config", str(file)).returncode == 1


def test_every_setting__is_in_its_place(render: Callable[..., dict[str, Any]]) -> None:
    config = render(**WHOLE)

    receivers: Integrations = {receiver["name"]: receiver for receiver in config["receivers"]}
    slack = {
        name: found["slack_configs"][0]["channel"] for name, found in receivers.items() if "slack_configs" in found
    }
    assert channels_of(config) == {
        "null": set(),
        "heartbeat": {"webhook"},
        "site": {"webhook"},
        "default": {"slack"},
        "payments": {"slack"},
        "business": {"slack"},
        "critical": {"slack", "discord", "email"},
        "warning": {"slack", "email"},
    }
    assert slack == {
        "default": "#team-monitoring",
        "payments": "#team-payments",
        "business": "#team-business",
        "critical": "#team-critical",
        "warning": "#team-warnings",
    }
    assert receivers["critical"]["discord_configs"][0]["webhook_url"] == WHOLE["DISCORD_WEBHOOK_URL"]
    assert receivers["critical"]["email_configs"][0]["to"] == "oncall@shop.example"
    assert receivers["heartbeat"]["webhook_configs"][0]["url"] == WHOLE["HEARTBEAT_URL"]
    assert [each["url"] for each in receivers["site"]["webhook_configs"]] == [
        WHOLE["SITE_ALERTS_URL"],
        WHOLE["SITE_GUARD_URL"],
    ]
    assert config["global"]["smtp_require_tls"] is False
    assert config["global"]["smtp_smarthost"] == "mail.example:587"
    assert config["global"]["smtp_auth_username"] == "alerts"


def test_every_name_that_the_file_marks__is_read_by_the_script(tmp_path: Path) -> None:
    script = (SOURCE / "entrypoint.sh").read_text()
    marked = set(re.findall(r" # .*?\b(?:if|is) ([A-Z_]+)", (SOURCE / "alertmanager.yml").read_text()))

    assert marked - {"NAME"} <= set(re.findall(r"[A-Z_]+", script))
    assert marked <= WHOLE.keys() | {"NAME"}


def test_nothing_set__leaves_receivers_that_tell_nobody(render: Callable[..., dict[str, Any]]) -> None:
    config = render()

    assert set().union(*channels_of(config).values()) == set()
    assert "site" not in channels_of(config)
    assert not any(text.startswith("/run/") for text in strings_in(config))


def test_slack_alone__is_the_only_channel(render: Callable[..., dict[str, Any]]) -> None:
    config = render(**SLACK)

    assert set().union(*channels_of(config).values()) == {"slack"}
    [critical] = [receiver for receiver in config["receivers"] if receiver["name"] == "critical"]
    assert critical["slack_configs"][0]["channel"] == "#alerts-critical"
    assert "api_url_file" not in critical["slack_configs"][0]


def test_secrets__are_files_that_only_their_owner_reads(tmp_path: Path) -> None:
    config = read_yaml(write_config(tmp_path, WHOLE))

    files = {Path(text) for text in strings_in(config) if text.startswith(f"{tmp_path}/")}
    assert {file.name: file.read_text() for file in files} == {
        name.lower(): WHOLE[name]
        for name in WHOLE
        if name.startswith("SLACK_WEBHOOK_URL") or name in {"SMTP_PASSWORD", "ALERTS_TOKEN", "HEARTBEAT_TOKEN"}
    }
    for file in (*files, tmp_path / "alertmanager.yml"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_secrets__stand_in_files_and_not_in_the_configuration(tmp_path: Path) -> None:
    text = write_config(tmp_path, WHOLE).read_text()

    for name in ("SLACK_WEBHOOK_URL", "SMTP_PASSWORD"):
        assert WHOLE[name] not in text


def test_setting_in_a_file__is_read_from_there(tmp_path: Path, render: Callable[..., dict[str, Any]]) -> None:
    secret = tmp_path / "given"
    secret.write_text(f"{WHOLE['DISCORD_WEBHOOK_URL']}\n")

    config = render(DISCORD_WEBHOOK_URL_FILE=str(secret))

    [critical] = [receiver for receiver in config["receivers"] if receiver["name"] == "critical"]
    assert critical["discord_configs"][0]["webhook_url"] == WHOLE["DISCORD_WEBHOOK_URL"]


def test_secret_that_is_no_longer_set__is_gone(tmp_path: Path) -> None:
    write_config(tmp_path, WHOLE)
    write_config(tmp_path, {})

    assert {path.name for path in tmp_path.iterdir()} == {"alertmanager.yml", "templates"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SLACK_WEBHOOK_URL": "hooks.slack.com/x"}, "SLACK_WEBHOOK_URL is no address"),
        ({"DISCORD_WEBHOOK_URL": "file:///etc/passwd"}, "DISCORD_WEBHOOK_URL is no address"),
        ({"SMTP_PASSWORD": "two\nlines"}, "SMTP_PASSWORD has more than one line"),
        ({"SMTP_PASSWORD_FILE": "/nowhere"}, "SMTP_PASSWORD_FILE can't be read"),
        ({"ALERT_EMAIL_TO": "oncall@shop.example"}, "ALERT_EMAIL_TO needs SMTP_SMARTHOST and SMTP_FROM"),
    ],
)
def test_setting_that_makes_no_sense__is_refused_by_name_and_not_shown(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        write_config(tmp_path, settings)

    assert "passwd" not in str(refusal.value)
    assert not (tmp_path / "alertmanager.yml").exists()


def test_script__becomes_alertmanager_without_secrets_in_its_environment(tmp_path: Path) -> None:
    server = tmp_path / "server"
    server.write_text('#!/bin/sh\necho "$@"\nenv\n')
    server.chmod(0o755)
    environment = {
        **WHOLE,
        "PATH": "/usr/bin:/bin",
        "ALERTMANAGER": str(server),
        "ALERTMANAGER_RUN": str(tmp_path / "run"),
    }

    started = subprocess.run(
        ["sh", str(SOURCE / "entrypoint.sh"), "--storage.path=/data"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    first, *rest = started.stdout.splitlines()
    assert first == f"--config.file={tmp_path}/run/alertmanager.yml --storage.path=/data"
    assert not {line.partition("=")[0] for line in rest} & WHOLE.keys()


def test_quiet_hours__mute_business_only_where_they_are_switched_on(render: Callable[..., dict[str, Any]]) -> None:
    def muted(config: dict[str, Any]) -> dict[str, list[str]]:
        return {
            route["receiver"]: route["mute_time_intervals"]
            for route in config["route"]["routes"]
            if "mute_time_intervals" in route
        }

    assert muted(render()) == {}
    assert muted(render(QUIET_HOURS="1")) == {"business": ["quiet-hours"]}


def test_site__is_not_asked_where_it_has_no_token(tmp_path: Path) -> None:
    labels = {"alertname": "Anything", "severity": "critical"}

    assert receivers_of(write_config(tmp_path / "with", WHOLE), labels) == ["site", "critical"]
    assert receivers_of(write_config(tmp_path / "without", {}), labels) == ["critical"]
