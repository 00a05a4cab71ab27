"""The port beside a process' work."""

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from django.core.management.base import CommandError

from coupon_site import health
from coupon_site.process import serve_process_port
from flags import current
from tests.live import ROOT, START_SECONDS, free_ports, wait_for

PATIENCE = 30.0


def ask(port: int, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE)


@pytest.fixture
def port(db: None) -> Iterator[int]:
    [number] = free_ports(1)
    server = serve_process_port(number, name="test")
    assert server
    yield number
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is what is slow, in a busy run, taken for away."""
    monkeypatch.setattr(health, "_state", health._State())
    monkeypatch.setattr(health, "BUDGET_SECONDS", PATIENCE)
    monkeypatch.setattr(current, "FIRST_WAIT_SECONDS", PATIENCE)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health", "/startupz"])
def test_all_is_well__every_question_is_answered_with_200(port: int, path: str) -> None:
    answer = ask(port, path)

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_dependency_away__is_not_ready_and_yet_alive(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> str:
        raise ConnectionError

    monkeypatch.setitem(health.CHECKS, "redis", away)

    answer = ask(port, "/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"] == "ConnectionError"
    assert ask(port, "/livez").status_code == 200


def test_metrics__are_the_process_own(port: int) -> None:
    assert "process_resident_memory_bytes" in ask(port, "/metrics").text


def test_taken_port__is_one_clear_line(port: int) -> None:
    with pytest.raises(CommandError, match=f"Port {port} of test can't be opened"):
        serve_process_port(port, name="test")


def test_port_zero__opens_nothing() -> None:
    assert serve_process_port(0, name="test") is None


def environment(port: int) -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "coupon_site.settings", "METRICS_PORT": str(port)}


@pytest.mark.django_db
@pytest.mark.parametrize("entry", ["asgi", "wsgi"])
def test_web_process_that_is_busy__still_answers_on_its_metrics_port(entry: str) -> None:
    [number] = free_ports(1)
    command = [sys.executable, "-c", f"import coupon_site.{entry}\nwhile True: pass"]
    with subprocess.Popen(command, cwd=ROOT, env=environment(number)) as process:
        try:
            page = wait_for(lambda: page_of(number), "the page", START_SECONDS)
        finally:
            process.kill()

    assert "http_requests_total" in page


def page_of(port: int) -> str:
    try:
        return ask(port, "/metrics").text
    except httpx.HTTPError:
        return ""


def test_command__opens_no_metrics_port(port: int) -> None:
    """It would fail: the port is taken."""
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment(port), capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
