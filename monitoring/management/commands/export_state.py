"""`manage.py export_state`: the one process that reads figures from the database for Prometheus."""

import signal
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from prometheus_client import REGISTRY

from coupon_site.process import serve_process_port
from monitoring.exporter import StateCollector

IDLE_SECONDS = 0.5


class Stopped(BaseException):
    """SIGTERM or Ctrl-C: there is nothing to finish, so nothing is waited for."""


class Command(BaseCommand):
    help = "Reads figures from the database once for all processes, and serves them to Prometheus."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=int, default=9501, help="serve /metrics and health here (default: 9501; 0: nowhere)"
        )
        parser.add_argument("--once", action="store_true", help="read everything once, and end")

    def handle(self, *args: Any, port: int, once: bool, **options: Any) -> str:
        collector = StateCollector()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        REGISTRY.register(collector)
        reads = 0
        try:
            serve_process_port(port, name="exporter")
            self.stdout.write(f"Reading {', '.join(reading.__name__ for reading in collector.readings)}.")
            reads += collector.read_due()
            while not once:
                time.sleep(IDLE_SECONDS)
                reads += collector.read_due()
        except Stopped:
            pass
        finally:
            REGISTRY.unregister(collector)
        return f"Done: {reads} readings."


def stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
