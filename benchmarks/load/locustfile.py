"""Shoppers for Locust: `locust -f benchmarks/load/locustfile.py --headless -u 20 -r 5 -t 2m --host http://127.0.0.1:8000`.

LOAD_TOKENS names a file with an API token a line. LOAD_METRICS_PORT (9646) is where Prometheus reads loadtest_*.
"""

import os
import sys
from itertools import cycle
from pathlib import Path
from typing import Any

from locust import HttpUser, between, events, task
from locust.runners import WorkerRunner
from prometheus_client import start_http_server

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.load.figures import Figures
from benchmarks.load.visits import REQUESTS, Request, Visitor

FIGURES = Figures()
TOKENS = cycle(Path(os.environ.get("LOAD_TOKENS", "var/load-tokens")).read_text().split())


class Shopper(HttpUser):
    """Looks around often, buys now and then."""

    wait_time = between(0.5, 2)

    def on_start(self) -> None:
        self.visitor = Visitor(self, next(TOKENS))

    @task(6)
    def look_around(self) -> None:
        self.visitor.look_around()

    @task(2)
    def read_flags(self) -> None:
        self.visitor.read_flags()

    @task(2)
    def buy(self) -> None:
        self.visitor.buy()

    def ask(self, request: Request) -> tuple[int, Any]:
        told = {"name": request.name, "headers": request.headers, "json": request.json, "timeout": 20}
        with self.client.request(request.method, request.path, catch_response=True, **told) as answer:
            if answer.ok or answer.status_code in request.fine:
                answer.success()
            return answer.status_code, answer.json() if answer.ok else None


@events.init.add_listener
def start_exporter(environment: Any, **context: Any) -> None:
    """Requests are counted where they are made; the number of visitors is known there, too."""
    FIGURES.expect(*REQUESTS)
    FIGURES.watch(lambda: environment.runner.user_count if environment.runner else 0)
    environment.events.request.add_listener(FIGURES.keep)
    port = int(os.environ.get("LOAD_METRICS_PORT", "9646"))
    if isinstance(environment.runner, WorkerRunner):
        port += 1 + environment.runner.worker_index
    start_http_server(port, os.environ.get("LOAD_METRICS_ADDRESS", "127.0.0.1"), registry=FIGURES.registry)
