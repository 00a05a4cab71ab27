import json
import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from tests.binaries import require_binary
from tests.deploy.files import (
    OVERLAYS,
    ROOT,
    compose,
    compose_files,
    networks_of,
    read_yaml,
    services,
    settings_variables,
)

TEXT = "".join(file.read_text() for file in compose_files(*OVERLAYS))
EXAMPLE = (ROOT / ".env.example").read_text()
SITE = {"web", "sockets", "worker", "importer", "relay", "exporter"}
EXPORTERS_OF_DATA = {"redis-exporter", "postgres-exporter"}
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)(:\?|:-)?([^}]*)\}")
OF_TLS = {"TLS_CERTIFICATE_FILE", "TLS_KEY_FILE"}
REQUIRED = {name for name, operator, _ in VARIABLE.findall(TEXT) if operator == ":?"}
# Where data lies, which build it is, and that a container is no laptop.
FIXED_BY_THE_IMAGE = {"VAR_DIR", "SITE_VERSION", "SITE_COMMIT", "LOCAL", "DEBUG", "FAULTS"}
FOR_COMPOSE_ITSELF = {"COMPOSE_FILE"}
IN_EXAMPLE = re.compile(r"^(?:# )?([A-Z_]+)=", re.MULTILINE)
SET_IN_EXAMPLE = re.compile(r"^([A-Z_]+)=", re.MULTILINE)


def procfile() -> dict[str, str]:
    """Process → command."""
    lines = [line.partition(":") for line in (ROOT / "Procfile").read_text().splitlines()]
    return {name: command for name, colon, command in lines if colon and not name.startswith("#")}


# Asking takes a second or two: the site alone, and everything that can be put on top of it.
@pytest.mark.parametrize("overlays", [(), tuple(OVERLAYS)], ids=["alone", "everything"])
def test_files__docker_compose_accepts_them(overlays: tuple[str, ...], tmp_path: Path) -> None:
    checked = ask_compose(tmp_path, overlays, "config", "--quiet")

    assert checked.returncode == 0, checked.stderr


def test_file_with_a_mistake__docker_compose_refuses_it(tmp_path: Path) -> None:
    """The control: it would say so."""
    checked = ask_compose(tmp_path, (), "config", "--quiet", extra={"services": {"web": {"comand": "sleep"}}})

    assert checked.returncode == 1
    assert "comand" in checked.stderr


def test_overlays__are_merged_here_as_compose_merges_them(tmp_path: Path) -> None:
    asked = ask_compose(tmp_path, ("monitoring", "tls", "sentinel"), "config")

    theirs, ours = yaml.safe_load(asked.stdout)["services"], services("monitoring", "tls", "sentinel")

    assert theirs.keys() == ours.keys()
    for name, service in ours.items():
        assert theirs[name]["networks"].keys() == networks_of(service), name
        assert len(theirs[name].get("volumes", [])) == len(service.get("volumes", [])), name
        assert theirs[name].get("environment", {}).keys() == service.get("environment", {}).keys(), name


def ask_compose(
    folder: Path, overlays: Iterable[str], *words: str, extra: dict[str, Any] | None = None
) -> subprocess.CompletedProcess[str]:
    """Debian's docker-compose about the files, without the two things that are younger than it."""
    program, files = require_binary("docker-compose"), []
    for number, content in enumerate([*map(read_yaml, compose_files(*overlays)), *([extra] if extra else [])]):
        content.pop("name", None)
        for secret in content.get("secrets", {}).values():
            if secret.pop("environment", None):
                secret["file"] = "./secret"
        file = folder / f"{number}.yml"
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        files += [f"--file={file}"]
    environment = {**os.environ, **dict.fromkeys(REQUIRED, "x")}
    return subprocess.run(
        [program, f"--project-directory={ROOT}", "--project-name=coupon-site", *files, *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def test_processes_of_the_procfile__are_services_with_the_same_job() -> None:
    found = services()
    # On a laptop one process is both.
    wanted = {name: command for name, command in procfile().items() if name != "web"}

    assert wanted.keys() == SITE - {"web", "sockets"}
    assert found.keys() >= wanted.keys()
    for name, command in wanted.items():
        job = re.search(r"run_worker|run_relay|export_state", command)
        assert job is not None
        assert job.group() in found[name]["command"]
        assert ("imports" in command) == ("imports" in found[name]["command"])


@pytest.mark.parametrize(
    "name",
    [
        "SECRET_KEY",
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "GRAFANA_ADMIN_PASSWORD",
        "REDIS_COMMANDER_PASSWORD",
        "METRICS_TOKEN",
        "SANDBOX_KEY",
        "SANDBOX_WEBHOOK_SECRET",
    ],
)
def test_secret__has_no_default_anywhere(name: str) -> None:
    uses = [(operator, rest) for used, operator, rest in VARIABLE.findall(TEXT) if used == name]

    assert uses
    assert all(operator == ":?" and rest for operator, rest in uses)
    assert f"\n{name}=\n" in EXAMPLE


def test_variables__are_all_in_the_example() -> None:
    secrets = {secret["environment"] for secret in compose(*OVERLAYS)["secrets"].values() if "environment" in secret}
    handed_on = {name for name, value in services()["web"]["environment"].items() if value is None}

    assert {name for name, _, _ in VARIABLE.findall(TEXT)} | secrets | handed_on == (
        set(IN_EXAMPLE.findall(EXAMPLE)) - FOR_COMPOSE_ITSELF
    )
    # A secret out of an unset variable stops compose, an empty one does not.
    assert set(SET_IN_EXAMPLE.findall(EXAMPLE)) >= REQUIRED - OF_TLS | secrets


def test_settings_of_the_site__are_all_within_reach_of_a_deployment() -> None:
    given = set(services()["web"]["environment"])

    assert given == set(settings_variables()) - FIXED_BY_THE_IMAGE


@pytest.mark.parametrize("name", sorted(services("monitoring", "sentinel")))
def test_service__is_checked_and_started_again(name: str) -> None:
    service = services("monitoring", "sentinel")[name]

    if name == "migrate":
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"].get("test") or name == "nginx-exporter"


@pytest.mark.parametrize("name", sorted(services(*OVERLAYS)))
def test_service__cannot_fill_the_disk_with_its_log(name: str) -> None:
    assert services(*OVERLAYS)[name]["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("name", sorted({*SITE, "migrate", "nginx", "prometheus", "grafana", "alertmanager"}))
def test_container__has_no_rights_that_it_does_not_need(name: str) -> None:
    service = services()[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", sorted(SITE))
def test_process_of_the_site__is_of_the_one_image_and_waits_for_its_schema(name: str) -> None:
    service = services()[name]

    assert service["image"] == services()["migrate"]["image"]
    assert ROOT / service["build"]["dockerfile"] == ROOT / "deploy" / "Dockerfile"
    assert {other: wait["condition"] for other, wait in service["depends_on"].items()} == {
        "postgres": "service_healthy",
        "redis": "service_healthy",
        "migrate": "service_completed_successfully",
    }


def test_dependencies__exist_and_can_be_healthy() -> None:
    found = services()

    for service in found.values():
        for other, wait in service.get("depends_on", {}).items():
            assert wait["condition"] != "service_healthy" or "test" in found[other]["healthcheck"]


def test_servers_of_data__are_reached_by_the_site_alone() -> None:
    found = services()
    on_data = {name for name, service in found.items() if "data" in networks_of(service)}

    assert on_data == SITE | {"migrate", "postgres", "redis"} | EXPORTERS_OF_DATA
    assert networks_of(found["postgres"]) == networks_of(found["redis"]) == {"data"}
    assert compose()["networks"]["data"] == {"internal": True}
    assert compose()["networks"]["scrape"] == {"internal": True}


def test_ports_of_the_machine__are_few_and_on_loopback_unless_told_otherwise() -> None:
    published = {name: service["ports"] for name, service in services(*OVERLAYS).items() if "ports" in service}

    assert published == {
        "nginx": [
            "${HTTP_ADDRESS:-127.0.0.1}:${HTTP_PORT:-8080}:8080",
            "${HTTPS_ADDRESS:-127.0.0.1}:${HTTPS_PORT:-8443}:8443",
        ],
        "redis-commander": ["127.0.0.1:${REDIS_COMMANDER_PORT:-8081}:8081"],
        "grafana": ["127.0.0.1:${GRAFANA_PORT:-3001}:3000"],
        "prometheus": ["127.0.0.1:${PROMETHEUS_PORT:-9090}:9090"],
        "alertmanager": ["127.0.0.1:${ALERTMANAGER_PORT:-9093}:9093"],
    }


def test_web__runs_as_the_image_says_and_keeps_no_connection_waiting() -> None:
    (line,) = re.findall(r"^CMD (.*)$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    command = services()["web"]["command"]

    assert command == json.loads(line)
    assert int(valued(command, "--blocking-threads")) < settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]


def test_servers__write_no_log_of_addresses_and_outlive_connections_of_nginx() -> None:
    web, sockets = services()["web"]["command"], services()["sockets"]["command"]
    (kept,) = set(re.findall(r"keepalive_timeout (\d+)s;", (ROOT / "deploy/nginx/network.conf").read_text()))

    assert "--access-log" not in web
    assert "--no-access-log" in sockets
    assert int(valued(sockets, "--timeout-keep-alive")) > int(kept)
    assert int(kept) < 30  # after which granian closes what is idle


def test_processes__have_a_longer_way_to_end_than_their_servers_take() -> None:
    grace = int(services()["web"]["stop_grace_period"].removesuffix("s"))

    assert int(valued(services()["web"]["command"], "--workers-kill-timeout")) < grace
    assert int(valued(services()["sockets"]["command"], "--timeout-graceful-shutdown")) < grace


def test_connections_of_every_process__fit_into_postgresql() -> None:
    found = services("monitoring", "scaled")
    pool = settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
    processes = sum(found[name].get("deploy", {}).get("replicas", 1) for name in SITE)
    (most,) = [int(word.split("=")[1]) for word in found["postgres"]["command"] if word.startswith("max_connections=")]

    assert processes * pool < most


def test_administration_of_prometheus__is_open_in_ops_alone() -> None:
    usual, open_ = services()["prometheus"]["command"], services("monitoring", "ops")["prometheus"]["command"]

    assert open_ == [*usual, "--web.enable-lifecycle", "--web.enable-admin-api"]


def test_tools__wait_to_be_asked_for() -> None:
    added = services("tools").keys() - services("scaled").keys()

    assert added == {"redis-commander"}
    assert all(services("tools")[name]["profiles"] == ["tools"] for name in added)


def test_sentinels__are_three_and_the_whole_site_asks_them() -> None:
    found = services("sentinel")

    assert found["sentinel"]["deploy"]["replicas"] == 3
    for name in SITE | {"migrate"}:
        assert "@redis-leader:6379" in found[name]["environment"]["REDIS_URL"]
        assert found[name]["depends_on"]["redis-leader"] == {"condition": "service_healthy"}
    for words in (["redis", "redis-replica", "leader"], ["redis-replica", "redis", "follower"]):
        name = words[0]
        assert found[name]["command"][:5] == ["/bin/sh", "/etc/redis/server.sh", *words]
        assert following(found[name]["command"], "--appendonly") == "yes"


def test_redis__wants_a_password_and_forgets_nothing() -> None:
    command = services()["redis"]["command"]

    assert following(command, "--requirepass").startswith("${REDIS_PASSWORD:?")
    assert following(command, "--maxmemory-policy") == "noeviction"
    assert following(command, "--appendonly") == "yes"


def test_folders_of_this_repository__that_are_mounted_exist() -> None:
    mounted = [
        Path(volume.split(":")[0]) for service in services(*OVERLAYS).values() for volume in service.get("volumes", [])
    ]
    here = [path for path in mounted if path.parts[0] == "deploy"]

    assert here
    assert all((ROOT / path).exists() for path in here)


def test_names__used_are_declared() -> None:
    declared = compose(*OVERLAYS)

    for service in services(*OVERLAYS).values():
        assert networks_of(service) <= declared["networks"].keys()
        assert set(service.get("secrets", [])) <= declared["secrets"].keys()
        assert volumes_of(service) <= declared["volumes"].keys()


def volumes_of(service: dict[str, Any]) -> set[str]:
    """The named ones."""
    return {source for volume in service.get("volumes", []) if (source := volume.split(":")[0])[0] not in "./"}


def following(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


def valued(command: list[str], option: str) -> str:
    (found,) = [word.partition("=")[2] for word in command if word.startswith(f"{option}=")]
    return found
