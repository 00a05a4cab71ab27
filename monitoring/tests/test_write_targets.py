"""Whom Prometheus asks on a machine where a supervisor started the processes."""

import json
from pathlib import Path

from monitoring.stack.targets import targets_of, write_targets


def test_processes_of_the_procfile__each_is_asked_at_the_port_for_metrics_if_it_has_one() -> None:
    processes = {
        "web": "env METRICS_PORT=${METRICS_PORT:-9101} serve --port ${WEB_PORT:-8000}",
        "sockets": "serve --port ${SOCKETS_PORT:-8010} --metrics ${SOCKETS_METRICS_PORT:-9102}",
        "worker": "work --port ${WORKER_PORT:-8001}",
        "traffic": "shop --rate ${TRAFFIC_RATE:-2}",
    }
    ports = {"METRICS_PORT": 1, "WEB_PORT": 2, "SOCKETS_PORT": 3, "SOCKETS_METRICS_PORT": 4, "WORKER_PORT": 5}

    assert targets_of(processes, ports) == {
        "app-web": ["127.0.0.1:1", "127.0.0.1:4"],
        "app-worker": ["127.0.0.1:5"],
    }


def test_targets__are_files_that_prometheus_reads_and_nothing_else(tmp_path: Path) -> None:
    write_targets(tmp_path / "targets", {"app-web": ["127.0.0.1:1"]})
    write_targets(tmp_path / "targets", {"app-web": ["127.0.0.1:2"], "app-worker": ["127.0.0.1:3"]})

    found = {file.name: json.loads(file.read_text()) for file in (tmp_path / "targets").iterdir()}

    assert found == {
        "app-web.json": [{"targets": ["127.0.0.1:2"]}],
        "app-worker.json": [{"targets": ["127.0.0.1:3"]}],
    }
