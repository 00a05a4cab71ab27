"""Every command and every query of the runbooks and procedures, run beside a site with its whole monitoring."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from monitoring import receivers, stack
from monitoring.catalogue.series import SAMPLES, SERIES, Series
from monitoring.stack.commands import PROGRAMS
from tests.binaries import PLACES, require_binary
from tests.deploy.documents import blocks, series_of
from tests.deploy.files import ROOT
from tests.deploy.seeds import rows
from tests.deploy.test_closed_loop import CLUSTER
from tests.live import LiveSite, wait_for

pytestmark = pytest.mark.xdist_group("live")

COMMANDS = list(dict.fromkeys(command for block in blocks("sh", "test") for command in block.commands))
QUERIES = list(dict.fromkeys(block.text for block in blocks("promql", "test")))
JOBS = {"app-worker": "worker", "app-import": "importer", "app-realtime": "relay", "app-state": "exporter"}
# What a laptop has not: Kubernetes, probes from outside, a backup yet, an alert of every name.
NOT_HERE = ("kube_", "container_", "probe_", "backup_", "restore_drill_", "slo:", "nginx_", "alertmanager_cluster_")
# Where people find them, by Procfile and packages.
SITE_PORTS = {"web": 8000, "worker": 8001, "importer": 8003, "relay": 8004, "exporter": 9501}
METRICS_PORT = 9101
WRITTEN_PART = (0, 23)  # curl's 23: whoever reads has read enough


@pytest.fixture(scope="module")
def servers(live_site: LiveSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Servers]:
    for program in PROGRAMS.values():
        require_binary(program.binary)
    targets = {job: [f"127.0.0.1:{live_site.ports[process]}"] for job, process in JOBS.items()}
    with (
        receivers.running() as stand_ins,
        stack.running(
            tmp_path_factory.mktemp("stack"),
            targets={**targets, "app-web": [f"127.0.0.1:{live_site.metrics_port}"]},
            database_url=live_site.servers.database_url,
            redis_url=live_site.servers.redis_url,
            receivers=stand_ins.settings,
            scrape_interval="1s",
        ) as running,
    ):
        with live_site.client() as visitor:
            visitor.get("/api/v1/offers/")
        wait_for(lambda: up(running), "every target to be asked")
        yield running


def up(servers: stack.Servers) -> bool:
    found = servers.prometheus.query("up")
    return len(found) == len(servers.ports) + len(JOBS) + 1 and all(sample.value for sample in found)


def here(text: str, site: LiveSite, servers: stack.Servers) -> str:
    """A laptop's command with the addresses and the Python of this test."""
    ports = {
        **{port: site.ports[process] for process, port in SITE_PORTS.items()},
        **{PROGRAMS[job].port: port for job, port in servers.ports.items()},
        METRICS_PORT: site.metrics_port,
    }
    for usual, port in ports.items():
        text = text.replace(f"127.0.0.1:{usual}", f"127.0.0.1:{port}")
    return text.replace(".venv/bin/python", sys.executable)


@pytest.mark.parametrize("command", COMMANDS)
def test_command__works_on_a_laptop(command: str, live_site: LiveSite, servers: stack.Servers) -> None:
    for program in ("amtool", "curl", "promtool", "ps"):
        if program in command.split():
            require_binary(program)

    done = subprocess.run(
        ["bash", "-c", f"{here(command, live_site, servers)}\nexit ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        env={**live_site.environment, "PATH": f"{os.environ['PATH']}{os.pathsep}{PLACES}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode in WRITTEN_PART, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_queries__are_answered(servers: stack.Servers) -> None:
    for query in QUERIES:
        servers.prometheus.query(query)  # raises with what is wrong


def test_queries__ask_for_series_that_are_served_here_or_by_a_named_exporter(servers: stack.Servers) -> None:
    asked = {name for query in QUERIES for name in series_of(query) if not name.startswith(NOT_HERE)}

    wait_for(lambda: not asked - served(servers), f"series: {asked - served(servers)}")


def test_series_of_the_sources__are_scraped(servers: stack.Servers) -> None:
    named = {name for row in rows() if row.name.startswith("M") for name in row.artefacts.get("metric", [])}
    asked = {SAMPLES[name] if name in SAMPLES else SERIES[name] for name in named}
    asked = {series for series in asked if not CLUSTER.issuperset(series.jobs)}

    wait_for(lambda: not unseen(asked, servers), f"series: {unseen(asked, servers)}")


def unseen(asked: set[Series], servers: stack.Servers) -> set[str]:
    there = served(servers)
    return {series.name for series in asked if not there.intersection(series.samples)}


def served(servers: stack.Servers) -> set[str]:
    return set(servers.prometheus.data("label/__name__/values"))


def test_grafana_and_kubernetes__are_no_part_of_a_laptops_commands() -> None:
    assert not [command for command in COMMANDS if "kubectl" in command or "docker" in command or ":3001" in command]
