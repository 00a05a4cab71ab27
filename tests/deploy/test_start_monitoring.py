"""`make monitoring` on a laptop."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
import pytest
from django.core.management import CommandError, call_command

from monitoring.stack import programs
from monitoring.stack.commands import PROGRAMS
from monitoring.stack.targets import write_targets
from tests.binaries import require_binary
from tests.live import ROOT, wait_for

pytestmark = pytest.mark.slow

SITE_JOBS = ("app-web", "app-worker", "app-import", "app-realtime", "app-state")


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """A folder of its own, and free ports."""
    free = programs.choose_ports(dict.fromkeys(PROGRAMS, 0), {})
    names = {job: f"{job}{'' if job in {'prometheus', 'alertmanager'} else '_exporter'}_port".upper() for job in free}
    with TemporaryDirectory(prefix="monitoring-") as name:
        Path(name).chmod(0o755)
        ports = {names[job]: str(port) for job, port in free.items()}
        yield {**os.environ, **ports, "VAR_DIR": name, "DJANGO_SETTINGS_MODULE": "coupon_site.settings"}


def test_started_and_stopped__every_target_of_its_own_is_up_and_nothing_is_left(environment: dict[str, str]) -> None:
    for program in PROGRAMS.values():
        require_binary(program.binary)
    folder = Path(environment["VAR_DIR"])
    nobody = programs.choose_ports(dict.fromkeys(SITE_JOBS, 0), {})
    write_targets(folder / "targets", {job: [f"127.0.0.1:{port}"] for job, port in nobody.items()})

    process = subprocess.Popen(
        [sys.executable, "manage.py", "monitoring", "start", "--speed=20"],
        cwd=ROOT,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    printed = ""
    try:
        for line in process.stdout:
            printed += line
            if "Ctrl-C stops" in line:
                break
        address = re.search(r"Prometheus: +(http://127\.0\.0\.1:\d+)/", printed)
        assert address, printed
        wanted = {**dict.fromkeys(PROGRAMS, "up"), **dict.fromkeys(SITE_JOBS, "down")}
        wait_for(lambda: health_of(address[1]) == wanted, f"{wanted}")
    finally:
        process.send_signal(signal.SIGINT)
        last, _ = process.communicate(timeout=60)

    assert last.endswith("Stopped.\n")
    assert process.returncode == 0
    assert [
        child for child in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(child.info["cmdline"] or [])
    ] == []


def health_of(address: str) -> dict[str, str]:
    """Job → health of its targets, which may miss a scrape on a busy machine."""
    answer = httpx.get(f"{address}/api/v1/targets", params={"state": "active"}, timeout=30)
    return {target["labels"]["job"]: target["health"] for target in answer.json()["data"]["activeTargets"]}


def test_programs_that_are_not_installed__are_one_line_that_names_their_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(programs, "find", lambda name: None if "exporter" in name else f"/usr/bin/{name}")
    monkeypatch.setattr("monitoring.operations.start.FOLDER", tmp_path)
    monkeypatch.setattr("monitoring.operations.start.NOTICES", tmp_path / "notices.jsonl")

    with pytest.raises(CommandError) as refused:
        call_command("monitoring", "start")

    packages = "prometheus-node-exporter prometheus-postgres-exporter prometheus-redis-exporter"
    assert str(refused.value) == f"Not installed: {packages}. On Debian or Ubuntu: sudo apt-get install {packages}"
    assert refused.value.returncode == 2


def test_port_in_use__another_is_taken_unless_it_was_asked_for() -> None:
    with programs.bound(0) as taken:
        taken.listen()
        port = int(taken.getsockname()[1])

        assert programs.choose_ports({"prometheus": port}, {})["prometheus"] != port
        with pytest.raises(programs.StackError, match=f"Port {port} is in use"):
            programs.choose_ports({"prometheus": 0}, {"prometheus": port})
