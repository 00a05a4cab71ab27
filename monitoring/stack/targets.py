"""Whom Prometheus asks: one file a job, which it reads again whenever it changes."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

PORT = re.compile(r"\$\{(?P<name>[A-Z][A-Z_]*_PORT):-(?P<default>\d+)\}")  # in a line of the Procfile
METRICS_PORT = "METRICS_PORT"  # how the name of a port for metrics alone ends
# Process → job; whatever else listens serves HTTP or sockets.
JOBS = {"worker": "app-worker", "importer": "app-import", "relay": "app-realtime", "exporter": "app-state"}


def targets_of(processes: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, list[str]]:
    """Job → addresses, from the Procfile's commands and the numbers behind the names of their ports."""
    targets: dict[str, list[str]] = {}
    for process, command in processes.items():
        names = sorted((found["name"] for found in PORT.finditer(command)), key=is_for_metrics, reverse=True)
        for name in names[:1]:
            targets.setdefault(JOBS.get(process, "app-web"), []).append(f"127.0.0.1:{ports[name]}")
    return targets


def is_for_metrics(name: str) -> bool:
    return name.endswith(METRICS_PORT)


def write_targets(folder: Path, targets: Mapping[str, Sequence[str]]) -> None:
    """Write `<job>.json` for each job (job → ["127.0.0.1:9101", …]), each as a whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for job, addresses in targets.items():
        draft = folder / f".{job}.draft"
        draft.write_text(json.dumps([{"targets": list(addresses)}]))
        draft.replace(folder / f"{job}.json")


def addresses_in(folder: Path) -> set[str]:
    """Every address in the files of a folder."""
    files = folder.glob("*.json")
    return {address for file in files for group in json.loads(file.read_text()) for address in group["targets"]}
