import getpass
import gzip
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.binaries import require_binary
from tests.deploy.certificate import trusting, write_certificate
from tests.deploy.echo import START_SECONDS, Echo, Proxy
from tests.deploy.files import DEPLOY, names_of, networks_of, services
from tests.deploy.loopback import nginx_on_loopback
from tests.live import free_ports, wait_for

NETWORK = (DEPLOY / "nginx" / "network.conf").read_text()
BURST = 200
USER = getpass.getuser() if os.geteuid() == 0 else None  # workers must reach the folder
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def echoes() -> Iterator[tuple[int, int]]:
    """Ports of a site of pages and of one of sockets."""
    with ExitStack() as stack:
        yield stack.enter_context(echo()), stack.enter_context(echo())


@contextmanager
def echo() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def running(echoes: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The deployed configuration on loopback, served by a real nginx."""
    folder = tmp_path_factory.mktemp("nginx")
    port, status_port, tls_port = free_ports(3)
    web, sockets = echoes
    write_certificate(folder)
    config = nginx_on_loopback(
        folder, port=port, status_port=status_port, tls_port=tls_port, web=[web], sockets=[sockets], user=USER
    )
    (folder / "static").mkdir()
    (folder / "static" / "shop.0123456789ab.css").write_text("body {}")
    command = [require_binary("nginx"), "-p", str(folder), "-c", str(config), "-g", "daemon off;"]
    with subprocess.Popen(command) as process:
        wait_for(lambda: listens(port), "nginx", START_SECONDS)
        yield Proxy(port, folder / "access.log", tls_port=tls_port, status_port=status_port, web=web, sockets=sockets)
        process.terminate()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def logged(log: Path) -> set[str]:
    """Every address that the log has."""
    return {json.loads(line)["uri"] for line in log.read_text().splitlines()}


@pytest.fixture
def nginx(running: Proxy) -> Iterator[Proxy]:
    yield running
    while running.connections:
        running.connections.pop().close()


def test_configuration__nginx_accepts_it(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    port, status_port, tls_port = free_ports(3)
    config = nginx_on_loopback(
        tmp_path, port=port, status_port=status_port, tls_port=tls_port, web=[1, 2], sockets=[3, 4], user=USER
    )

    checked = subprocess.run(
        [require_binary("nginx"), "-t", "-p", str(tmp_path), "-c", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert "test is successful" in checked.stderr


@pytest.mark.parametrize(("upstream", "service"), [("backend", "web"), ("sockets", "sockets")])
def test_upstream__is_the_service_of_compose(upstream: str, service: str) -> None:
    server = services()[service]

    assert f"upstream backend_{'api' if upstream == 'backend' else upstream} {{" in NETWORK
    assert f"server {upstream}:8000 resolve" in NETWORK
    assert upstream in names_of(service, server, "edge")
    assert networks_of(server) & networks_of(services()["nginx"]) == {"edge"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/realtime/sse"),
        ("GET", "/api/v1/realtime/sse?channels=a"),
        ("GET", "/ofrep/v1/stream?ticket=a"),
        ("POST", "/api/v1/orders/"),
    ],
)
def test_what_lives_under_asgi__is_asked_there(nginx: Proxy, method: str, path: str) -> None:
    assert nginx.upstream_of(path, method) == nginx.sockets


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/api/v1/orders/"), ("POST", "/api/v1/orders/1/cancel"), ("GET", "/static/unknown.css")],
)
def test_ordinary_request__is_asked_under_wsgi(nginx: Proxy, method: str, path: str) -> None:
    assert nginx.upstream_of(path, method) == nginx.web


def test_static_file__is_served_by_nginx_and_kept_by_browsers(nginx: Proxy) -> None:
    answer = nginx.ask("/static/shop.0123456789ab.css")

    assert (answer.status, answer.read()) == (200, b"body {}")
    assert answer.getheader("Content-Type") == "text/css"
    assert "immutable" in (answer.getheader("Cache-Control") or "")
    assert answer.getheader("X-Content-Type-Options") == "nosniff"


def test_tls__offers_http_2_and_tells_the_site(nginx: Proxy) -> None:
    with httpx.Client(verify=trusting(nginx.log.parent), http2=True, timeout=START_SECONDS) as visitor:
        answer = visitor.get(f"https://localhost:{nginx.tls_port}/")

    assert answer.http_version == "HTTP/2"
    assert answer.json()["headers"]["X-Forwarded-Proto"] == "https"


def test_tls_of_yesterday__is_refused(nginx: Proxy) -> None:
    context = trusting(nginx.log.parent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")

    with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", nginx.tls_port)) as plain:
        context.wrap_socket(plain, server_hostname="localhost")


def test_state_of_nginx__is_told_to_the_exporter_and_not_on_the_public_port(nginx: Proxy) -> None:
    inside = httpx.get(f"http://127.0.0.1:{nginx.status_port}/stub_status", timeout=START_SECONDS)

    assert "Active connections:" in inside.text
    assert nginx.upstream_of("/stub_status") == nginx.web  # an address like any other


def test_one_address_that_asks_for_everything__is_slowed_down(nginx: Proxy) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{nginx.port}", timeout=START_SECONDS) as visitor:
        # A file that nginx has itself: the quickest answer there is.
        answers = (visitor.get("/static/shop.0123456789ab.css") for _ in range(5 * BURST))
        before, refused = next((n, answer) for n, answer in enumerate(answers) if answer.status_code != 200)

    assert before >= BURST
    assert refused.status_code == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["code"] == "throttled"
    time.sleep(1)  # until the next test finds room again


def test_one_address_that_tries_passwords__is_slowed_down_much_earlier(nginx: Proxy) -> None:
    answers = [nginx.ask("/admin/login/", method="POST", body=b"").status for _ in range(30)]

    assert answers[:11] == [200] * 11
    assert 429 in answers[11:]
    assert nginx.ask("/admin/login/").status == 200


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

    asked = {"/vouchers/-", "/gifts/-", "/asked-last"}
    wait_for(lambda: asked <= logged(nginx.log), f"{asked} in the log, which has {logged(nginx.log)}")
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
