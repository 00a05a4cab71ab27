import shutil
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
    "app-web": ({"web", "sockets"}, 9101),
    "app-worker": ({"worker"}, 8001),
    "app-import": ({"importer"}, 8003),
    "app-realtime": ({"relay"}, 8004),
    "app-state": ({"exporter"}, 9501),
}
OTHER_JOBS = {
    "node": 9100,
    "redis": 9121,
    "postgres": 9187,
    "nginx": 9113,
    "prometheus": 9090,
    "alertmanager": 9093,
    "grafana": 3000,
    "blackbox": 9115,
}
SERVICES = {"app-web": "web", "app-worker": "worker", "app-import": "importer", "app-realtime": "relay"}

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


def test_jobs__are_these() -> None:
    assert JOBS.keys() == SITE_JOBS.keys() | OTHER_JOBS.keys()


@pytest.mark.parametrize("job", SITE_JOBS)
def test_job_of_the_site__asks_services_of_compose_on_the_port_where_they_answer(job: str) -> None:
    wanted, port = SITE_JOBS[job]
    found = services()

    names, asked = targets_of(JOBS[job])

    assert asked == port
    assert len(names) == len(wanted)
    for name in wanted:
        assert names & names_of(name, found[name], "scrape")
        service = found[name]
        assert service["environment"].get("METRICS_PORT") == str(port) or (
            str(port) in service["command"] and service["healthcheck"]["test"][-1] == str(port)
        )


@pytest.mark.parametrize("job", OTHER_JOBS)
def test_job_of_a_server__asks_a_service_of_compose_that_prometheus_reaches(job: str) -> None:
    names, asked = targets_of(JOBS[job])
    found = services()

    assert asked == OTHER_JOBS[job]
    for name in names - {"localhost"}:
        assert networks_of(found[name]) & networks_of(found["prometheus"])


@pytest.mark.parametrize("job", JOBS)
def test_job__names_its_service_and_takes_targets_from_a_file(job: str) -> None:
    service = SERVICES.get(job, {"app-state": "exporter", "blackbox": "nginx"}.get(job, job))
    fixed = [group["labels"]["service"] for group in JOBS[job].get("static_configs", []) if "labels" in group]
    given = [rule["replacement"] for rule in JOBS[job].get("relabel_configs", []) if rule["target_label"] == "service"]

    assert [*fixed, *given] == [service]
    assert job == "prometheus" or JOBS[job]["file_sd_configs"] == [{"files": [f"targets/{job}.json"]}]


def test_what_changes_quickly__is_asked_often_and_servers_seldom() -> None:
    assert JOBS["app-state"]["scrape_interval"] == "5s"
    assert {JOBS[job]["scrape_interval"] for job in OTHER_JOBS if job != "prometheus"} == {"30s"}
    assert CONFIG["global"]["scrape_interval"] == "15s"


def test_rules__are_the_generated_ones_and_anybodys_own() -> None:
    assert CONFIG["rule_files"] == ["rules/*.yml", "alerts/*.yml"]
    assert (DEPLOY / "prometheus" / "alerts").is_dir()


def test_configuration_with_the_committed_rules__promtool_accepts_all_of_it(tmp_path: Path) -> None:
    promtool, folder = require_binary("promtool"), tmp_path / "prometheus"
    shutil.copytree(DEPLOY / "prometheus", folder)
    (tmp_path / "token").write_text("secret")
    text = FILE.read_text().replace("/run/secrets/metrics_token", str(tmp_path / "token"))
    (folder / "prometheus.yml").write_text(text)

    checked = subprocess.run(
        [promtool, "check", "config", str(folder / "prometheus.yml")], capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("rules found") == len(list((folder / "rules").glob("*.yml")))


def test_retention__is_bounded_in_time_and_size() -> None:
    command = " ".join(services()["prometheus"]["command"])

    assert "--storage.tsdb.retention.time=${PROMETHEUS_RETENTION_TIME:-90d}" in command
    assert "--storage.tsdb.retention.size=${PROMETHEUS_RETENTION_SIZE:-50GB}" in command


def test_blackbox__is_told_what_to_visit_and_a_module_that_it_has(tmp_path: Path) -> None:
    file = DEPLOY / "exporters" / "blackbox.yml"
    (module,) = JOBS["blackbox"]["params"]["module"]

    checked = subprocess.run(
        [require_binary("prometheus-blackbox-exporter"), f"--config.file={file}", "--config.check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert module in read_yaml(file)["modules"]


@pytest.mark.parametrize("name", sorted(set().union(*(names for names, _ in SITE_JOBS.values()))))
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

    assert targets_of(discovery) == ({"alertmanager"}, 9093)
    assert networks_of(services()["alertmanager"]) & networks_of(services()["prometheus"]) == {"monitoring"}


def targets_of(job: dict[str, Any]) -> tuple[set[str], int]:
    """Names and port that a job asks."""
    if "dns_sd_configs" in job:
        (found,) = job["dns_sd_configs"]
        return set(found["names"]), found["port"]
    probes = [rule["replacement"] for rule in job.get("relabel_configs", []) if rule["target_label"] == "__address__"]
    (target,) = probes or job["static_configs"][0]["targets"]
    host, port = target.split(":")
    return {host}, int(port)
