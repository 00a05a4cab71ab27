import getpass
import gzip
import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.binaries import require_binary
from tests.deploy.echo import START_SECONDS, Echo, Proxy
from tests.deploy.files import DEPLOY, names_of, networks_of, services
from tests.deploy.loopback import nginx_on_loopback
from tests.live import free_ports, wait_for

TEXT = (DEPLOY / "nginx" / "nginx.conf").read_text()
MEGABYTE = 1 << 20


def rendered(folder: Path, *, port: int, health_port: int, upstream_port: int) -> Path:
    """The deployed configuration on loopback."""
    user = getpass.getuser() if os.geteuid() == 0 else None  # workers must reach the folder
    text = nginx_on_loopback(
        TEXT, folder=folder, port=port, health_port=health_port, upstream_port=upstream_port, user=user
    )
    file = folder / "nginx.conf"
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def running(upstream: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """Port and access log of a running nginx."""
    folder = tmp_path_factory.mktemp("nginx")
    port, health_port = free_ports(2)
    config = rendered(folder, port=port, health_port=health_port, upstream_port=upstream)
    command = [require_binary("nginx"), "-p", str(folder), "-c", str(config), "-g", "daemon off;"]
    with subprocess.Popen(command) as process:
        wait_for(lambda: listens(port), "nginx", START_SECONDS)
        yield port, folder / "access.log"
        process.terminate()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def logged(log: Path, uri: str) -> list[dict[str, Any]]:
    """Every line of the log, once it has one of `uri`."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return lines if uri in {line["uri"] for line in lines} else []


@pytest.fixture
def nginx(running: tuple[int, Path]) -> Iterator[Proxy]:
    proxy = Proxy(*running)
    yield proxy
    for connection in proxy.connections:
        connection.close()


def test_configuration__nginx_accepts_it(tmp_path: Path) -> None:
    port, health_port, upstream_port = free_ports(3)
    config = rendered(tmp_path, port=port, health_port=health_port, upstream_port=upstream_port)

    checked = subprocess.run(
        [require_binary("nginx"), "-t", "-p", str(tmp_path), "-c", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert "test is successful" in checked.stderr


def test_upstream__is_the_service_of_compose() -> None:
    web = services()["web"]

    assert "upstream backend_api {" in TEXT
    assert "server backend:8000 resolve" in TEXT
    assert "backend" in names_of("web", web, "edge")
    assert networks_of(web) & networks_of(services()["nginx"]) == {"edge"}


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "/metrics?x=1",
        "//metrics",
        "/%6Detrics",
        "/static/../metrics",
        "/monitoring",
        "/monitoring/",
        "/monitoring/metrics",
        "/monitoring/health",
        "/%6donitoring/benchmark",
    ],
)
def test_figures_of_the_operation__are_not_found_from_outside(nginx: Proxy, path: str) -> None:
    answer = nginx.ask(path)

    assert answer.status == 404
    assert b"headers" not in answer.read()


@pytest.mark.parametrize("path", ["/", "/api/v1/offers/?page=2", "/api/v1/monitoring/figures", "/metricsystem"])
def test_everything_else__reaches_the_site_as_it_was_asked(nginx: Proxy, path: str) -> None:
    answer = nginx.ask(path)

    assert answer.status == 200
    assert json.loads(answer.read())["path"] == path


@pytest.mark.parametrize("path", ["/api/v1/realtime/ws", "/api/v1/monitoring/ws"])
def test_socket__is_upgraded_and_carries_bytes_both_ways(nginx: Proxy, path: str) -> None:
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=START_SECONDS) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: shop\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".encode()
        )
        head = connection.recv(4096)
        connection.sendall(b"hello")
        echoed = head.partition(b"\r\n\r\n")[2] + connection.recv(4096)

    assert head.startswith(b"HTTP/1.1 101 ")
    assert echoed == b"HELLO"


def test_visitor_who_invents_an_address__is_known_by_the_real_one(nginx: Proxy) -> None:
    seen = nginx.reached({"X-Forwarded-For": "203.0.113.9"})

    assert seen["X-Forwarded-For"] == "127.0.0.1"


def test_visitor_address_and_host__reach_the_site_with_a_request_id(nginx: Proxy) -> None:
    seen = nginx.reached({"Host": "shop.example.com:8443", "X-Forwarded-Proto": "https", "X-Request-ID": "invented"})

    assert seen["Host"] == "shop.example.com:8443"
    assert seen["X-Forwarded-Proto"] == "https"
    assert len(seen["X-Request-ID"]) == 32
    assert "Upgrade" not in seen


def test_visitor_without_tls__is_said_to_have_none(nginx: Proxy) -> None:
    assert nginx.reached({"X-Forwarded-Proto": "ftp"})["X-Forwarded-Proto"] == "http"


def test_secrets_in_addresses__are_not_logged(nginx: Proxy) -> None:
    nginx.ask("/vouchers/k3yOfAVoucher/?from=mail").read()
    nginx.ask("/gifts/k3yOfAGift").read()
    nginx.ask("/asked-last?token=t0k3n").read()

    lines = wait_for(lambda: logged(nginx.log, "/asked-last"), "the second line of the log")
    assert "/vouchers/-" in {line["uri"] for line in lines}
    assert not {"k3yOfAVoucher", "k3yOfAGift", "t0k3n"} & set(re.findall(r"\w+", nginx.log.read_text()))


def test_large_answer__is_compressed_for_who_understands_it(nginx: Proxy) -> None:
    answer = nginx.ask("/api/v1/offers/", {"Accept-Encoding": "gzip", "Via": "1.1 somebody's proxy"})

    assert answer.getheader("Content-Encoding") == "gzip"
    assert json.loads(gzip.decompress(answer.read()))["path"] == "/api/v1/offers/"
    assert nginx.ask("/api/v1/offers/").getheader("Content-Encoding") is None


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/api/v1/orders/", MEGABYTE, 200),
        ("/api/v1/orders/", MEGABYTE + 1, 413),
        ("/api/v1/imports/", 8 * MEGABYTE, 200),
        ("/api/v1/imports", 8 * MEGABYTE, 200),
        ("/admin/cashback/importjob/add/", 8 * MEGABYTE, 200),
    ],
)
def test_body__is_bounded_but_for_imports(nginx: Proxy, path: str, size: int, status: int) -> None:
    answer = nginx.ask(path, method="POST", body=b"x" * size)

    assert answer.status == status
