"""The one command of a newcomer."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
import pytest

from coupon_site.servers import EmbeddedServers
from tests.live import PORT_NAMES, ROOT, START_SECONDS, free_ports, lay_schema

pytestmark = pytest.mark.slow


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """A folder and ports of its own, and nothing configured."""
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL", "LOCAL"}}
    names = [*PORT_NAMES, "metrics"]
    ports = {f"{name.upper()}_PORT": str(port) for name, port in zip(names, free_ports(len(names)), strict=True)}
    with TemporaryDirectory(prefix="run-") as name:
        Path(name).chmod(0o755)
        yield {**kept, **ports, "VAR_DIR": name, "DJANGO_SETTINGS_MODULE": "coupon_site.settings"}


@pytest.fixture
def started_before(environment: dict[str, str]) -> dict[str, str]:
    """The folder has the schema, as after a first start."""
    lay_schema(EmbeddedServers(Path(environment["VAR_DIR"]) / "embedded"))
    return {**environment, "DEMO": "0"}


def launch(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "run_site"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


def start(environment: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    """Start the site; what it printed until it was up."""
    process = launch(environment)
    assert process.stdout
    printed = ""
    for line in process.stdout:
        printed += line
        if "Ctrl-C stops" in line:
            return process, printed
    process.wait()
    raise AssertionError(printed)


def stop(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=START_SECONDS)
    return printed


def left_over(environment: dict[str, str]) -> list[str]:
    """Processes that still know the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid()
            if mine and environment["VAR_DIR"] in " ".join([*process.cmdline(), *process.environ().values()]):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def test_started_twice_and_stopped__prints_a_login_that_works_and_leaves_nothing(environment: dict[str, str]) -> None:
    process, _ = start(environment)
    stop(process)
    assert left_over(environment) == []

    begun = time.monotonic()
    process, printed = start(environment)
    assert time.monotonic() - begun < START_SECONDS

    address = re.search(r"http://127\.0\.0\.1:\d+", printed)
    login = re.search(r"Staff login: +(\S+) +(\S+)", printed)
    assert address
    assert login
    with httpx.Client(base_url=address[0], follow_redirects=True, timeout=30) as client:
        client.get("/admin/login/")
        form = {
            "username": login[1],
            "password": login[2],
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
            "next": "/",
        }
        assert client.post("/admin/login/", data=form).url.path == "/"
    assert "Stopped." in stop(process)
    assert left_over(environment) == []


def test_nobody_reads_what_it_prints_any_more__ends_it_and_leaves_nothing(started_before: dict[str, str]) -> None:
    process, _ = start(started_before)
    assert process.stdout
    process.stdout.close()
    httpx.get(f"http://127.0.0.1:{started_before['WEB_PORT']}/", timeout=30)
    process.send_signal(signal.SIGINT)  # which it would say, if it could

    assert process.wait(START_SECONDS)
    assert left_over(started_before) == []


def test_ctrl_c_while_processes_start__leaves_nothing(started_before: dict[str, str]) -> None:
    process = launch(started_before)
    assert process.stdout
    for line in process.stdout:
        if " started " in line:
            break

    stop(process)

    assert left_over(started_before) == []


def test_second_start_in_the_same_folder__is_one_clear_line(started_before: dict[str, str]) -> None:
    process, _ = start(started_before)
    try:
        second = subprocess.run(
            [sys.executable, "manage.py", "run_site"],
            cwd=ROOT,
            env=started_before,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        stop(process)

    assert second.returncode == 2
    assert re.fullmatch(r"CommandError: The site already runs from .*: stop it first\.\n", second.stderr)


def test_port_in_use__is_one_clear_line(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["WEB_PORT"])))
        taken.listen()

        done = subprocess.run(
            [sys.executable, "manage.py", "run_site"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert (
        done.stderr
        == f"CommandError: Port {environment['WEB_PORT']} is in use: stop what uses it, or set WEB_PORT to another.\n"
    )
