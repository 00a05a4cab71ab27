"""The site that is broken: every process of `run_site`, its servers and shoppers, in a folder of its own."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from coupon_site.servers import EmbeddedServers
from monitoring.stack.programs import choose_ports, last_lines
from monitoring.stack.targets import PORT

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS, STOP_SECONDS = 240.0, 30.0
ORDERS_PER_SECOND = "1.5"  # on the day's average; a quarter of that by night
# What this process was told about its own site.
NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "DATABASE_DIRECT_URL", "METRICS_PORT", "DEMO", "SITE_URL", "SANDBOX_URL")


class DrillError(Exception):
    """The drill can't go on; the message is one line."""


class DrillSite:
    """Started by `running`; its servers are stopped and started, its flags turned, one by one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "site.log"
        self.servers = EmbeddedServers(folder / "embedded")
        names = [found["name"] for found in PORT.finditer((ROOT / "Procfile").read_text())]
        self.ports = choose_ports(dict.fromkeys(names, 0), {})
        self.url = f"http://127.0.0.1:{self.ports['WEB_PORT']}"
        self.metrics_token = secrets.token_hex(16)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in NOT_INHERITED},
            "DJANGO_SETTINGS_MODULE": "coupon_site.settings",
            "VAR_DIR": str(folder),
            "LOCAL": "1",
            "FAULTS": "1",
            "METRICS_TOKEN": self.metrics_token,
            "TRAFFIC_RATE": ORDERS_PER_SECOND,
            **{name: str(port) for name, port in self.ports.items()},
        }

    @property
    def targets(self) -> Path:
        return self.folder / "targets"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Started until it says that it is up; stopped at the end."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "run_site"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_until(lambda: self.is_up(process), "the site to be up", START_SECONDS)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def is_up(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            raise DrillError(f"The site did not start: {last_lines(self.log)}")
        return "Ctrl-C stops" in self.log.read_text(errors="replace")

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def start_servers(self) -> None:
        """Start what is stopped; the site itself holds them, so that they stay."""
        with self.servers.running():
            pass

    def turn(self, flag: str, state: str) -> None:
        """`on` or `off`, as an operator does it."""
        known = {"DATABASE_URL": self.servers.database_url, "REDIS_URL": self.servers.redis_url}
        done = subprocess.run(  # noqa: S603  our own command
            [sys.executable, "manage.py", "flags", state, flag],
            cwd=ROOT,
            env={**self.environment, **known},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DrillError(f"{flag} can't be turned {state}: {done.stderr.strip()[-300:]}")


def wait_until(condition: Callable[[], Any], what: str, seconds: float) -> Any:
    """The condition's first true answer. Raises DrillError."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise DrillError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.2)
    return answer
