"""A whole site of its own: every process of the Procfile, on free ports, over a database and a Redis of its own."""

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException
from itertools import islice
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg
from honcho.environ import parse_procfile

from coupon_site.demo import SHOPPERS, STAFF_EMAIL
from coupon_site.servers import EmbeddedServers

ROOT = Path(__file__).resolve().parent.parent
WAIT_SECONDS, START_SECONDS = 60, 120
PORT_NAMES = ("web", "worker", "importer", "relay", "exporter")
# Below those that systems give to whoever asks for any; one after another, whichever process asks.
PORTS = range(20_000, 32_000)
PORT_COUNTER = Path(gettempdir()) / f"test-ports-{os.geteuid()}"


class LiveSite:
    """Started by `start`, ended by `stop`; processes may be killed and started again one by one."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.servers = EmbeddedServers(folder / "servers", durable=False)
        *ports, self.metrics_port = free_ports(len(PORT_NAMES) + 1)
        self.ports = dict(zip(PORT_NAMES, ports, strict=True))
        self.url = f"http://127.0.0.1:{self.ports['web']}"
        self.metrics_token, self.alerts_token = secrets.token_hex(16), secrets.token_hex(16)
        self.staff = (STAFF_EMAIL, secrets.token_hex(8))
        self.tokens = {number: secrets.token_hex(16) for number in range(1, SHOPPERS + 1)}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.commands = parse_procfile((ROOT / "Procfile").read_text()).processes
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DJANGO_SETTINGS_MODULE": "coupon_site.settings",
            "VAR_DIR": str(folder),
            "DATABASE_URL": self.servers.database_url,
            "REDIS_URL": self.servers.redis_url,
            "LOCAL": "1",
            "SITE_URL": self.url,
            "METRICS_TOKEN": self.metrics_token,
            "ALERTS_TOKEN": self.alerts_token,
            "DEMO_PASSWORD": self.staff[1],
            **{f"DEMO_TOKEN_{number}": text for number, text in self.tokens.items()},
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
            **{f"{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
            "METRICS_PORT": str(self.metrics_port),  # of the web process
            **settings,
        }
        self._stack = ExitStack()

    def prepare(self) -> None:
        """Servers, schema and demo data."""
        lay_schema(self.servers)
        self._stack.enter_context(self.servers.running())
        self.manage("setup_demo")

    def start(self, *names: str) -> None:
        """Start the named processes (none named: all), and wait until each says that it is ready."""
        for name in names or PORT_NAMES:
            self.launch(name)
        for name in names or PORT_NAMES:
            wait_for(partial(self.is_ready, name), f"{name} to be ready", START_SECONDS)

    def is_ready(self, name: str) -> bool:
        assert self.processes[name].poll() is None, f"{name} has ended: {self.log(name)}"
        return ready(self.ports[name])

    def launch(self, name: str, command: str = "") -> None:
        """Start one process without waiting."""
        assert name not in self.processes or self.processes[name].poll() is not None, f"{name} runs already"
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                ["sh", "-c", f"exec {command or self.commands[name]}"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """End one process, and what it has started, as a power cut would."""
        family = psutil.Process(self.processes[name].pid).children(recursive=True)
        self.processes[name].kill()
        self.processes[name].wait()
        for child in family:
            child.kill()
        psutil.wait_procs(family)

    @contextmanager
    def instead(self, name: str, command: str) -> Iterator[None]:
        """Another process in the place of one, which comes back afterwards."""
        self.kill(name)
        self.launch(name, command)
        try:
            wait_for(partial(self.is_ready, name), f"{name} to be ready", START_SECONDS)
            yield
        finally:
            self.kill(name)
            self.start(name)

    def stop(self) -> None:
        """SIGTERM to all; whoever is not gone in time is a failure, with what each of its threads was at."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        try:
            for name, process in self.processes.items():
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGABRT)
                    process.wait()
                    raise AssertionError(
                        f"{name} did not stop: {self.log(name).rpartition('Fatal Python error')[2]}"
                    ) from None
        finally:
            for process in self.processes.values():
                process.kill()
                process.wait()
            self._stack.close()

    def manage(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of the site's commands over the same servers."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the site's database."""
        with psycopg.connect(self.servers.database_url, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def buy(self, shopper: int = 1, *, merchant: str = "", **line: Any) -> dict[str, Any]:
        """A new order of the newest sale (of the merchant) that has units left, paid by card."""
        with self.client(shopper) as client:
            sales = client.get("/api/v1/sales/", params={"page_size": 100}).json()["results"]
            wanted = (sale["id"] for sale in sales if merchant in ("", sale["merchant"]["name"]))
            left = (each for each in wanted if client.get(f"/api/v1/sales/{each}/availability").json()["available"])
            wish = {"lines": [{"sale": next(left), "quantity": 1, **line}], "payment_method": "card"}
            answer = client.post("/api/v1/orders/", json=wish, headers={"Idempotency-Key": str(uuid4())})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def come_to_rest(self) -> None:
        """Wait until all messages of these minutes are worked off: as long as it takes, while there is progress."""
        left = "SELECT 1 FROM events_outboxmessage WHERE state IN ('pending', 'leased') AND due_at < now() + '5 min'"
        seen = ""
        while self.sql(left):
            time.sleep(1)  # asking costs the site a connection
            seen = wait_for(partial(self.other_states, seen), f"any of these to change: {seen}", 180)

    def other_states(self, before: str) -> str:
        """How many messages there are in each state, if that is something else than before."""
        now = str(self.sql("SELECT state, count(*) FROM events_outboxmessage GROUP BY state ORDER BY state"))
        return now if now != before else ""

    def log(self, name: str) -> str:
        """What a process wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def client(self, shopper: int = 1) -> httpx.Client:
        """An HTTP client of the site, signed in as one of the demo's shoppers."""
        return httpx.Client(base_url=self.url, headers=self.signature(shopper), timeout=30)

    def signature(self, shopper: int) -> dict[str, str]:
        """The header by which a demo shopper's programs sign in."""
        return {"Authorization": f"Bearer cs_{self.tokens[shopper]}"}


def lay_schema(servers: EmbeddedServers) -> None:
    """Before they start for the first time: migrations take as long as all else that a site begins with."""
    servers.home.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--archive", migrated(), servers.home / "postgres"], check=True)


def migrated() -> Path:
    """Data of a PostgreSQL with the schema: made by the first site of a test run, copied by each."""
    servers = EmbeddedServers(Path(os.environ["TEST_RUN_DIR"]) / "migrated", durable=False)
    data = servers.home / "postgres"
    with (data.parent / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (data.parent / "is_whole").exists():
            with servers.running(redis=False):
                environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "coupon_site.settings", "LOCAL": "1"}
                environment["DATABASE_URL"] = servers.database_url
                command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
                subprocess.run(command, cwd=ROOT, env=environment, check=True)
            (data.parent / "is_whole").touch()
    return data


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and that nobody else is given before they are listened on."""
    with PORT_COUNTER.open("a+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        counter.seek(0)
        last = int(counter.read() or PORTS.start)
        others = (PORTS[(last + number - PORTS.start) % len(PORTS)] for number in range(1, len(PORTS)))
        found = list(islice(filter(is_free, others), count))
        counter.truncate(0)
        counter.write(str(found[-1]))
    return found


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def ready(port: int) -> bool:
    """Asked often, by bare means: a client of httpx's first reads all the certificates of this world."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


def wait_for(condition: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
    """The condition's first true answer."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)
    return answer
