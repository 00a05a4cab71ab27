import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.files import ROOT, compose, networks_of, services, settings_variables

TEXT = (ROOT / "docker-compose.yml").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
SITE = {"web", "worker", "importer", "relay", "exporter"}
KNOWN_KEYS = {"name", "services", "networks", "volumes", "secrets"}
KNOWN_SERVICE_KEYS = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "environment",
    "healthcheck",
    "image",
    "init",
    "logging",
    "networks",
    "ports",
    "read_only",
    "restart",
    "secrets",
    "security_opt",
    "shm_size",
    "stop_grace_period",
    "tmpfs",
    "volumes",
}
KNOWN_HEALTHCHECK_KEYS = {"disable", "interval", "retries", "start_period", "test", "timeout"}
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)(:\?|:-)?([^}]*)\}")
REQUIRED = {name for name, operator, _ in VARIABLE.findall(TEXT) if operator == ":?"}
# Where data lies, which build it is, and that a container is no laptop.
FIXED_BY_THE_IMAGE = {"VAR_DIR", "SITE_VERSION", "SITE_COMMIT", "LOCAL", "DEBUG"}
IN_EXAMPLE = re.compile(r"^(?:# )?([A-Z_]+)=", re.MULTILINE)
SET_IN_EXAMPLE = re.compile(r"^([A-Z_]+)=", re.MULTILINE)


def procfile() -> dict[str, str]:
    """Process → command."""
    lines = [line.partition(":") for line in (ROOT / "Procfile").read_text().splitlines()]
    return {name: command for name, colon, command in lines if colon and not name.startswith("#")}


def test_top_of_the_file__says_nothing_that_compose_does_not_know() -> None:
    assert {key for key in compose() if not key.startswith("x-")} == KNOWN_KEYS


@pytest.mark.parametrize("name", sorted(services()))
def test_service__says_nothing_that_compose_does_not_know(name: str) -> None:
    service = services()[name]

    assert service.keys() <= KNOWN_SERVICE_KEYS
    assert service["healthcheck"].keys() <= KNOWN_HEALTHCHECK_KEYS


def test_processes_of_the_procfile__are_services_with_the_same_job() -> None:
    found = services()
    wanted = procfile()

    assert wanted.keys() >= SITE
    assert found.keys() >= wanted.keys()
    for name, command in wanted.items():
        job = re.search(r"daphne|run_worker|run_relay|export_state", command)
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
    secrets = {secret["environment"] for secret in compose()["secrets"].values()}
    handed_on = {name for name, value in services()["web"]["environment"].items() if value is None}

    assert {name for name, _, _ in VARIABLE.findall(TEXT)} | secrets | handed_on == set(IN_EXAMPLE.findall(EXAMPLE))
    # A secret out of an unset variable stops compose, an empty one does not.
    assert set(SET_IN_EXAMPLE.findall(EXAMPLE)) >= REQUIRED | secrets


def test_settings_of_the_site__are_all_within_reach_of_a_deployment() -> None:
    given = set(services()["web"]["environment"])

    assert given == set(settings_variables()) - FIXED_BY_THE_IMAGE


@pytest.mark.parametrize("name", sorted(services()))
def test_service__is_checked_and_started_again(name: str) -> None:
    service = services()[name]

    if name == "migrate":
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]


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

    assert on_data == SITE | {"migrate", "postgres", "redis"}
    assert networks_of(found["postgres"]) == networks_of(found["redis"]) == {"data"}
    assert compose()["networks"]["data"] == {"internal": True}
    assert compose()["networks"]["scrape"] == {"internal": True}


def test_ports_of_the_machine__are_few_and_on_loopback_unless_told_otherwise() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}

    assert published == {
        "nginx": ["${HTTP_ADDRESS:-127.0.0.1}:${HTTP_PORT:-8080}:8080"],
        "grafana": ["127.0.0.1:${GRAFANA_PORT:-3001}:3000"],
        "prometheus": ["127.0.0.1:${PROMETHEUS_PORT:-9090}:9090"],
        "alertmanager": ["127.0.0.1:${ALERTMANAGER_PORT:-9093}:9093"],
    }


def test_web__runs_as_the_image_says_and_logs_no_addresses() -> None:
    (line,) = re.findall(r"^CMD (.*)$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    command = services()["web"]["command"]

    assert command == json.loads(line)
    assert following(command, "--verbosity") == "0"


def test_redis__wants_a_password_and_forgets_nothing() -> None:
    command = services()["redis"]["command"]

    assert following(command, "--requirepass").startswith("${REDIS_PASSWORD:?")
    assert following(command, "--maxmemory-policy") == "noeviction"
    assert following(command, "--appendonly") == "yes"


def test_folders_of_this_repository__that_are_mounted_exist() -> None:
    mounted = [Path(volume.split(":")[0]) for service in services().values() for volume in service.get("volumes", [])]
    here = [path for path in mounted if path.parts[0] == "deploy"]

    assert here
    assert all((ROOT / path).exists() for path in here)


def test_names__used_are_declared() -> None:
    declared = compose()

    for service in services().values():
        assert networks_of(service) <= declared["networks"].keys()
        assert set(service.get("secrets", [])) <= declared["secrets"].keys()
        assert volumes_of(service) <= declared["volumes"].keys()


def volumes_of(service: dict[str, Any]) -> set[str]:
    """The named ones."""
    return {source for volume in service.get("volumes", []) if not (source := volume.split(":")[0]).startswith(".")}


def following(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]
