"""The deployed nginx, with TLS, in front of two web and two socket processes as they are deployed; all on loopback."""

import getpass
import json
import os
import ssl
import subprocess
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.binaries import require_binary
from tests.deploy.certificate import trusting, write_certificate
from tests.deploy.files import services
from tests.deploy.loopback import nginx_on_loopback
from tests.live import START_SECONDS, LiveSite, free_ports, ready, wait_for

REPLICAS = ("web-1", "web-2", "sockets-1", "sockets-2")


class Front:
    """What a visitor sees."""

    def __init__(self, site: LiveSite, folder: Path, *, port: int, replicas: Mapping[str, int]) -> None:
        self.site = site
        self.folder = folder
        self.url = f"https://localhost:{port}"
        self.replicas = replicas

    def trust(self) -> ssl.SSLContext:
        """One for each use: an HTTP/2 client offers its protocol in it, which a socket must not."""
        return trusting(self.folder)

    def client(self, shopper: int = 1) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, verify=self.trust(), http2=True, headers=self.site.signature(shopper), timeout=30
        )

    def socket(self, query: str = "") -> ClientConnection:
        address = f"{self.url.replace('https', 'wss')}/api/v1/realtime/ws{query}"
        return connect(address, ssl=self.trust(), additional_headers=self.site.signature(1))

    def buy(self, client: httpx.Client) -> str:
        """One order; its id."""
        sales = (sale["id"] for sale in client.get("/api/v1/sales/").json()["results"])
        sale = next(each for each in sales if client.get(f"/api/v1/sales/{each}/availability").json()["available"])
        wish = {"lines": [{"sale": sale, "quantity": 1}], "payment_method": "card"}
        answer = client.post("/api/v1/orders/", json=wish, headers={"Idempotency-Key": str(uuid4())})
        assert answer.status_code == 201, answer.text
        order: str = answer.json()["id"]
        return order

    def kinds_that_served(self, path: str) -> set[str]:
        """Of process; nginx writes it down a moment after the answer."""
        served = wait_for(lambda: self.served_by(path), f"nginx to write down {path}")
        return {name.partition("-")[0] for name in served}

    def served_by(self, path: str) -> list[str]:
        """Who answered the requests for a path, as nginx wrote it down so far."""
        names = {f"127.0.0.1:{port}": name for name, port in self.replicas.items()}
        lines = [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]
        return [names[line["upstream"].split(", ")[-1]] for line in lines if line["uri"] == path and line["upstream"]]


@contextmanager
def front_of(site: LiveSite, folder: Path) -> Iterator[Front]:
    """Start the replicas and nginx; end them."""
    ports = dict(zip(REPLICAS, free_ports(len(REPLICAS)), strict=True))
    folder.chmod(0o755)
    with ExitStack() as stack:
        for name, port in ports.items():
            site.launch(name, command_of(name.partition("-")[0], port))
            stack.callback(end, site, name)
        for name, port in ports.items():
            wait_for(lambda port=port: ready(port), f"{name}: {site.log(name)}", START_SECONDS)
        stack.enter_context(nginx(folder, ports, tls_port := free_ports(1)[0]))
        yield Front(site, folder, port=tls_port, replicas=ports)


def end(site: LiveSite, name: str) -> None:
    if site.processes[name].poll() is None:
        site.kill(name)


def command_of(service: str, port: int) -> str:
    """As compose starts it, on a port of this machine."""
    words = [
        "--host=127.0.0.1" if word.startswith("--host=") else word.replace("--port=8000", f"--port={port}")
        for word in services()[service]["command"]
    ]
    return f"env BEHIND_PROXY=true METRICS_PORT={free_ports(1)[0]} {' '.join(words)}"


@contextmanager
def nginx(folder: Path, ports: Mapping[str, int], tls_port: int) -> Iterator[None]:
    write_certificate(folder)
    port, status_port = free_ports(2)
    config = nginx_on_loopback(
        folder,
        port=port,
        status_port=status_port,
        tls_port=tls_port,
        web=[ports["web-1"], ports["web-2"]],
        sockets=[ports["sockets-1"], ports["sockets-2"]],
        user=getpass.getuser() if os.geteuid() == 0 else None,
    )
    with subprocess.Popen(
        [require_binary("nginx"), "-p", str(folder), "-c", str(config), "-g", "daemon off;"]
    ) as process:
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{status_port}/healthz"), "nginx")
            yield
        finally:
            process.terminate()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).is_success
    except httpx.TransportError:
        return False


class Follower(threading.Thread, ABC):
    """A client that follows its orders, and comes back where it was when it is cut off."""

    def __init__(self, front: Front) -> None:
        super().__init__(daemon=True)
        self.front = front
        self.connections = 0
        self.orders: Counter[str] = Counter()  # order and state → how often it was told
        self.problem = ""
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            try:
                self.follow()
            except (httpx.TransportError, ConnectionClosed, InvalidStatus, OSError):
                self.stopped.wait(0.1)
            except Exception as error:  # shown by the test
                self.problem = repr(error)
                raise

    @abstractmethod
    def follow(self) -> None:
        """Until the connection ends."""

    @abstractmethod
    def has_place(self) -> bool:
        """Whether it was told where it stands, so that it hears of all that comes."""

    def note(self, event: dict[str, Any]) -> None:
        if event["channel"] == "events:orders":
            self.orders[f"{event['data']['order']} {event['data']['type']}"] += 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopped.set()


class Stream(Follower):
    """As a browser's EventSource does it."""

    last_id = ""

    def follow(self) -> None:
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        with self.front.client() as client, client.stream("GET", "/api/v1/realtime/sse", headers=headers) as answer:
            answer.raise_for_status()
            self.connections += 1
            reached = self.last_id
            for line in answer.iter_lines():
                field, _, value = line.partition(": ")
                if field == "id":
                    reached = value
                elif field == "data":
                    self.last_id = reached
                    if "data" in (event := json.loads(value)):
                        self.note(event)
                if self.stopped.is_set():
                    return

    def has_place(self) -> bool:
        return "events:orders=" in self.last_id


class SocketFollower(Follower):
    """Over a WebSocket."""

    position: dict[str, Any] | None = None

    def follow(self) -> None:
        with self.front.socket("" if self.position is None else "?channels=") as socket:
            self.connections += 1
            if self.position is not None:
                socket.send(json.dumps({"type": "subscribe", "channel": "events:orders", **self.position}))
            while not self.stopped.is_set():
                try:
                    self.hear(json.loads(socket.recv(timeout=0.2)))
                except TimeoutError:
                    continue

    def has_place(self) -> bool:
        return self.position is not None

    def hear(self, frame: dict[str, Any]) -> None:
        if frame.get("type") == "subscribed" and frame["channel"] == "events:orders" and self.position is None:
            self.position = {"since": frame["id"], "epoch": frame["epoch"]}
        elif "data" in frame:
            self.note(frame)
            if frame["channel"] == "events:orders" and self.position is not None:
                self.position["since"] = frame["id"]
