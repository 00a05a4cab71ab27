"""The load tests' own honesty: their visits work on the running site, and their figures are Prometheus'."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import playwright
import pytest
from prometheus_client import generate_latest

from benchmarks.load import visits
from benchmarks.load.figures import BUCKETS, Figures
from monitoring.metrics import DURATION_BUCKETS
from tests.binaries import missing, require_binary
from tests.live import ROOT, LiveSite, free_ports, wait_for

LOAD = ROOT / "benchmarks" / "load"
NODE = Path(playwright.__file__).parent / "driver" / "node"
K6 = {
    "k6": "export const check = (answer, checks) => Object.entries(checks).forEach(([name, holds]) =>"
    " checked.push([name, Boolean(holds(answer))])); export const sleep = () => {}",
    "k6/data": "export class SharedArray { constructor(name, make) { return make() } }",
    "k6/metrics": "export class Counter { constructor(name) { this.name = name }"
    " add(n) { counted.push([this.name, n]) } }",
    "k6/http": """
import { execFileSync } from 'node:child_process'
const ASK = `const [url, method, headers, body] = JSON.parse(process.argv[1]);
fetch(url, { method, headers, body }).then(async (r) => console.log(JSON.stringify([r.status, await r.text()])))`
function ask(method, url, body, { headers, tags }) {
  const words = ['-e', ASK, JSON.stringify([url, method, headers, body])]
  const [status, text] = JSON.parse(execFileSync(process.execPath, words).toString())
  requested.push([method, tags.name, status])
  return { status, json: (name) => (name ? JSON.parse(text)[name] : JSON.parse(text)) }
}
export default {
  get: (url, params) => ask('GET', url, undefined, params),
  post: (url, body, params) => ask('POST', url, body, params),
  expectedStatuses: (...statuses) => statuses,
  setResponseCallback: () => {},
}
""",
}
# Chooses one visit of each kind; other choices are the middle one.
RUN = """
import { readFileSync } from 'node:fs'
Object.assign(globalThis, { checked: [], counted: [], requested: [], __ENV: process.env, __VU: 1, __ITER: 0 })
globalThis.open = (file) => readFileSync(file, 'utf8')
const shop = await import('./shop.mjs')
for (const visit of [0, 0.65, 0.95]) {
  const choices = [visit]
  Math.random = () => choices.shift() ?? 0.5
  shop.default()
}
console.log(JSON.stringify({ checked, counted, requested, options: shop.options }))
"""


class HttpxClient:
    """The visits' client over httpx, which counts as Locust would."""

    def __init__(self, site: httpx.Client, figures: Figures) -> None:
        self.site, self.figures = site, figures
        self.asked: list[tuple[str, str, int]] = []

    def ask(self, request: visits.Request) -> tuple[int, Any]:
        answer = self.site.request(request.method, request.path, headers=dict(request.headers), json=request.json)
        good = answer.is_success or answer.status_code in request.fine
        self.figures.keep(
            request_type=request.method,
            name=request.name,
            response_time=1000 * answer.elapsed.total_seconds(),
            response_length=len(answer.content),
            exception=None if good else ValueError(answer.text),
        )
        self.asked.append((request.method, request.name, answer.status_code))
        return answer.status_code, answer.json() if answer.is_success else None


def exposition(figures: Figures) -> str:
    return generate_latest(figures.registry).decode()


@pytest.mark.xdist_group("live")
def test_visits__work_on_the_running_site_and_are_counted(live_site: LiveSite) -> None:
    figures = Figures()
    with httpx.Client(base_url=live_site.url, timeout=30) as http:
        client = HttpxClient(http, figures)
        visitor = visits.Visitor(client, f"cs_{live_site.tokens[7]}", random.Random(1))

        visitor.look_around()
        visitor.read_flags()
        number = visitor.buy()

    assert number
    assert {(method, name) for method, name, _ in client.asked} == set(visits.REQUESTS)
    assert {status for _, _, status in client.asked} == {200, 201}
    text = exposition(figures)
    assert 'loadtest_requests_total{method="POST",name="/api/v1/orders/",result="ok"} 1.0' in text
    assert "public" not in text


@pytest.mark.xdist_group("live")
def test_script_for_k6__makes_the_same_visits(live_site: LiveSite, tmp_path: Path) -> None:
    package = tmp_path / "node_modules" / "k6"
    package.mkdir(parents=True)
    for name, code in K6.items():
        (package / f"{Path(name).name}.js").write_text(code)
    exports = {name.replace("k6", ".", 1): f"./{Path(name).name}.js" for name in K6}
    (package / "package.json").write_text(json.dumps({"name": "k6", "type": "module", "exports": exports}))
    (tmp_path / "shop.mjs").write_text((LOAD / "shop.js").read_text())
    (tmp_path / "run.mjs").write_text(RUN)
    (tmp_path / "tokens").write_text(f"cs_{live_site.tokens[8]}\n")

    done = subprocess.run(
        [str(NODE), "run.mjs"],
        cwd=tmp_path,
        env={**os.environ, "LOAD_URL": live_site.url, "LOAD_TOKENS": str(tmp_path / "tokens")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {(method, name) for method, name, _ in said["requested"]} == set(visits.REQUESTS)
    assert {status for _, _, status in said["requested"]} == {200, 201}
    assert all(holds for _, holds in said["checked"])
    assert said["counted"] == [["shop_orders", 1]]
    assert "url" not in said["options"]["systemTags"]


def test_figures__start_at_0_and_their_labels_stay_few() -> None:
    figures = Figures()
    figures.expect(*visits.REQUESTS)
    before = exposition(figures)

    for request_type, error in (("GET", None), ("GET", OSError()), ("BREW", None)):
        figures.keep(
            request_type=request_type, name=visits.SALES, response_time=20, response_length=None, exception=error
        )

    assert 'loadtest_requests_total{method="GET",name="/api/v1/orders/{id}/",result="failed"} 0.0' in before
    after = exposition(figures)
    assert 'loadtest_requests_total{method="GET",name="/api/v1/sales/",result="failed"} 1.0' in after
    assert 'loadtest_requests_total{method="OTHER",name="/api/v1/sales/",result="ok"} 1.0' in after
    assert 'loadtest_request_duration_seconds_bucket{le="0.025",method="GET",name="/api/v1/sales/"} 2.0' in after
    assert "BREW" not in after


def test_figures__are_as_promtool_wants_them_and_lie_over_those_of_the_site() -> None:
    figures = Figures()
    figures.expect(*visits.REQUESTS)

    checked = subprocess.run(
        [require_binary("promtool"), "check", "metrics"],
        input=exposition(figures),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.returncode, checked.stderr) == (0, "")
    assert list(BUCKETS) == list(DURATION_BUCKETS)


def test_requirements__are_pinned() -> None:
    lines = (LOAD / "requirements.txt").read_text().splitlines()

    assert all("==" in line for line in lines if line and not line.startswith("#"))


@pytest.fixture(scope="session")
def locust() -> Path:
    """Locust in its own environment: it brings a plugin of pytest. CI makes it; a laptop without is told how to."""
    home, wanted = ROOT / "var" / "load", LOAD / "requirements.txt"
    made_from = home / "requirements.txt"
    if not made_from.exists() or made_from.read_text() != wanted.read_text():
        install = [f"{home}/bin/pip", "install", "-q", "--disable-pip-version-check", "-r", str(wanted)]
        if os.environ.get("CI") != "true":
            missing(
                f"{home} has no Locust of these pins: python -m venv {home} && {' '.join(install)}"
                f" && cp {wanted} {home}"
            )
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run(install, check=True)
        shutil.copy(wanted, made_from)
    return home / "bin" / "locust"


@pytest.mark.xdist_group("live")
def test_locust__runs_without_a_failure_and_exports_its_figures(
    live_site: LiveSite, tmp_path: Path, locust: Path
) -> None:
    (port,) = free_ports(1)
    (tmp_path / "tokens").write_text("\n".join(f"cs_{token}" for token in live_site.tokens.values()))
    words = [
        "-f",
        str(LOAD / "locustfile.py"),
        "--headless",
        "-u",
        "4",
        "-r",
        "4",
        "-t",
        "20s",
        "--host",
        live_site.url,
    ]
    environment = {**os.environ, "LOAD_TOKENS": str(tmp_path / "tokens"), "LOAD_METRICS_PORT": str(port)}
    with subprocess.Popen([str(locust), *words], env=environment, cwd=tmp_path) as running:
        wait_for(lambda: "loadtest_users 4.0" in read(f"http://127.0.0.1:{port}/metrics"), "four visitors")
        assert running.wait(120) == 0


def read(address: str) -> str:
    try:
        return httpx.get(address, timeout=2).text
    except httpx.HTTPError:
        return ""
