"""The deployed scrape configuration, run by a real Prometheus against the running site."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.binaries import require_binary
from tests.deploy.files import DEPLOY, read_yaml
from tests.deploy.loopback import prometheus_on_loopback
from tests.live import LiveSite, free_ports, wait_for

pytestmark = pytest.mark.xdist_group("live")

PROCESSES = {
    "app-web": "web",
    "app-worker": "worker",
    "app-import": "importer",
    "app-realtime": "relay",
    "app-state": "exporter",
}
# Gauges that carry a counter's suffix, because dashboards out there know them by that name. No others.
GAUGES_NAMED_TOTAL = {
    "outbox_queued_total",
    "outbox_in_flight_total",
    "tickets_active_total",
    "django_migrations_applied_total",
    "django_migrations_unapplied_total",
}
SUFFIX_PROBLEM = 'non-counter metrics should not have "_total" suffix'
PROBLEMS_FOUND = 3


class Api:
    """Prometheus' HTTP API."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.address}/api/v1/{path}", params=parameters, timeout=30)
        answer.raise_for_status()
        return answer.json()["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], str]]:
        """Labels and value of every series that an expression gives now."""
        return [(found["metric"], found["value"][1]) for found in self.get("query", query=expression)["result"]]

    def targets(self) -> dict[str, tuple[str, str]]:
        """Job → health and last error."""
        return {
            found["labels"]["job"]: (found["health"], found["lastError"])
            for found in self.get("targets")["activeTargets"]
        }


@pytest.fixture(scope="module")
def prometheus(live_site: LiveSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A Prometheus with the deployed jobs, pointed at this machine's processes and at itself."""
    folder = tmp_path_factory.mktemp("prometheus")
    (port,) = free_ports(1)
    command = [
        require_binary("prometheus"),
        f"--config.file={write_config(folder, live_site, port)}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
    ]
    log = folder / "server.log"
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            api = Api(f"http://127.0.0.1:{port}")
            wait_for(lambda: is_ready(api), f"Prometheus, which logs to {log}")
            yield api
        finally:
            process.terminate()


def write_config(folder: Path, site: LiveSite, own_port: int) -> Path:
    token = folder / "token"
    token.write_text(site.metrics_token)
    targets = {job: [f"127.0.0.1:{site.ports[process]}"] for job, process in PROCESSES.items()}
    targets["prometheus"] = [f"127.0.0.1:{own_port}"]
    config = prometheus_on_loopback(
        read_yaml(DEPLOY / "prometheus" / "prometheus.yml"), targets=targets, token_file=token
    )
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    return file


def is_ready(api: Api) -> bool:
    try:
        return httpx.get(f"{api.address}/-/ready", timeout=1).is_success
    except httpx.TransportError:
        return False


def exposition(site: LiveSite, process: str) -> httpx.Response:
    """What a process tells of itself."""
    token = {"Authorization": f"Bearer {site.metrics_token}"} if process == "web" else {}
    return httpx.get(f"http://127.0.0.1:{site.ports[process]}/metrics", headers=token, timeout=30)


def test_every_job__has_its_target_and_the_target_is_up(prometheus: Api) -> None:
    jobs = {*PROCESSES, "prometheus"}

    # A busy process may miss the second that a scrape has.
    wait_for(
        lambda: prometheus.targets() == dict.fromkeys(jobs, ("up", "")),
        f"every target to be up: {prometheus.targets()}",
    )
    wait_for(
        lambda: {labels["job"]: value for labels, value in prometheus.query("up")} == dict.fromkeys(jobs, "1"),
        "the samples of that",
    )


def test_requests__are_counted_by_path_and_the_path_is_also_the_endpoint(prometheus: Api, live_site: LiveSite) -> None:
    counted = 'http_requests_total{job="app-web",path=~".*offers.*"}'

    with live_site.client() as visitor:
        visitor.get("/api/v1/offers/")
    series = wait_for(lambda: prometheus.query(counted), "the request to be counted")

    for labels, _ in series:
        assert labels["endpoint"] == labels["path"]
        assert labels.keys() >= {"method", "path", "status"}


def test_exemplar_in_prometheus__names_the_request_that_it_came_from(prometheus: Api, live_site: LiveSite) -> None:
    mine = f"look-for-{secrets.token_hex(8)}"

    with live_site.client() as visitor:

        def found() -> bool:
            visitor.get(
                "/api/v1/offers/", headers={"X-Request-ID": mine}
            )  # until no other request of the bucket is later
            return mine in request_ids(prometheus, "http_request_duration_seconds_bucket")

        wait_for(found, "the request's id beside its duration")


def request_ids(prometheus: Api, name: str) -> set[str]:
    """Those that exemplars of a series name."""
    now = time.time()
    series = prometheus.get("query_exemplars", query=name, start=str(now - 300), end=str(now + 5))
    return {exemplar["labels"]["request_id"] for each in series for exemplar in each["exemplars"]}


def test_samples_of_each_process__stay_far_below_the_limit(prometheus: Api) -> None:
    jobs = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]
    limits = {job["job_name"]: job.get("sample_limit") for job in jobs}

    scraped = wait_for(lambda: all_scraped(prometheus), "a scrape of each process")

    for job, samples in scraped.items():
        assert 0 < samples < limits[job] / 2, job


def all_scraped(prometheus: Api) -> dict[str, float]:
    """Job → samples of its last scrape; empty until the last one of each was in time."""
    found = {labels["job"]: float(value) for labels, value in prometheus.query('scrape_samples_scraped{job=~"app-.*"}')}
    return found if found.keys() == PROCESSES.keys() and all(found.values()) else {}


def test_web_process_without_the_token__tells_nothing(live_site: LiveSite) -> None:
    answer = httpx.get(f"http://127.0.0.1:{live_site.ports['web']}/metrics", timeout=30)

    assert answer.status_code in {401, 403}
    assert "http_requests_total" not in answer.text


@pytest.mark.parametrize("process", PROCESSES.values())
def test_names_and_help_of_each_process__promtool_has_nothing_else_to_say(live_site: LiveSite, process: str) -> None:
    promtool = require_binary("promtool")
    answer = exposition(live_site, process)
    assert answer.status_code == 200

    checked = subprocess.run(
        [promtool, "check", "metrics"], input=answer.text, capture_output=True, text=True, check=False
    )

    problems = {tuple(line.split(" ", 1)) for line in checked.stderr.splitlines()}
    assert checked.returncode in {0, PROBLEMS_FOUND}, checked.stderr
    assert problems <= {(name, SUFFIX_PROBLEM) for name in GAUGES_NAMED_TOTAL}
