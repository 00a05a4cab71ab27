import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.binaries import require_binary
from tests.deploy.files import DEPLOY, names_of, networks_of, read_yaml, services
from tests.deploy.loopback import prometheus_on_loopback

FILE = DEPLOY / "prometheus" / "prometheus.yml"
CONFIG = read_yaml(FILE)
JOBS = {job["job_name"]: job for job in CONFIG["scrape_configs"]}
SITE_JOBS = {
    "app-web": ("web", 8000),
    "app-worker": ("worker", 8001),
    "app-import": ("importer", 8003),
    "app-realtime": ("relay", 8004),
    "app-state": ("exporter", 9501),
}

Check = Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Ask promtool about a configuration."""
    promtool = require_binary("promtool")

    def run(config: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        return subprocess.run([promtool, "check", "config", str(file)], capture_output=True, text=True, check=False)

    return run


def test_configuration_as_it_is__promtool_accepts_it(check: Check) -> None:
    promtool = require_binary("promtool")

    # The token's file exists in the container only: syntax of the file itself, everything of the adapted one.
    syntax = subprocess.run(
        [promtool, "check", "config", "--syntax-only", str(FILE)], capture_output=True, text=True, check=False
    )

    assert syntax.returncode == 0, syntax.stdout + syntax.stderr


def test_configuration_with_its_files__promtool_accepts_it(check: Check, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")

    checked = check(prometheus_on_loopback(CONFIG, targets={job: ["127.0.0.1:1"] for job in JOBS}, token_file=token))

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_configuration_whose_token_is_missing__promtool_refuses_it(check: Check, tmp_path: Path) -> None:
    adapted = prometheus_on_loopback(CONFIG, targets={"app-web": ["127.0.0.1:1"]}, token_file=tmp_path / "nowhere")

    checked = check(adapted)

    assert checked.returncode == 1
    assert "authorization credentials" in checked.stderr


@pytest.mark.parametrize("job", SITE_JOBS)
def test_job_of_the_site__asks_a_service_of_compose_on_the_port_where_it_answers(job: str) -> None:
    name, port = SITE_JOBS[job]
    service = services()[name]

    host, asked = target_of(JOBS[job])

    assert host in names_of(name, service, "scrape")
    assert asked == port
    assert str(port) in service["command"]
    assert service["healthcheck"]["test"][-1] == str(port)


@pytest.mark.parametrize("name", [name for name, _ in SITE_JOBS.values()])
def test_process_and_prometheus__share_one_network(name: str) -> None:
    """Two would give every process two addresses, and count it twice."""
    found = services()

    assert networks_of(found[name]) & networks_of(found["prometheus"]) == {"scrape"}


@pytest.mark.parametrize("job", SITE_JOBS)
def test_job_of_the_site__is_bounded_and_names_paths_as_endpoints(job: str) -> None:
    assert 0 < JOBS[job]["sample_limit"] <= 10_000
    assert {"source_labels": ["path"], "regex": "(.+)", "target_label": "endpoint"} in JOBS[job][
        "metric_relabel_configs"
    ]


def test_alerts__go_to_each_alertmanager_of_compose() -> None:
    (discovery,) = CONFIG["alerting"]["alertmanagers"]

    assert target_of(discovery) == ("alertmanager", 9093)
    assert networks_of(services()["alertmanager"]) & networks_of(services()["prometheus"])


def target_of(job: dict[str, Any]) -> tuple[str, int]:
    """Name and port that a job asks."""
    if "dns_sd_configs" in job:
        (found,) = job["dns_sd_configs"]
        (name,) = found["names"]
        return name, found["port"]
    (target,) = job["static_configs"][0]["targets"]
    host, port = target.split(":")
    return host, int(port)
