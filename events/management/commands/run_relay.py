"""`manage.py run_relay`: the process that moves events from the outbox to Redis."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from coupon_site.process import serve_process_port
from events.relay import Relay


class Command(BaseCommand):
    help = "Numbers events after their commit and publishes them; one relay leads, others stand by."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=0, help="serve /metrics and health here (default: nowhere)")
        parser.add_argument("--once", action="store_true", help="end when nothing waits")

    def handle(self, *args: Any, port: int, once: bool, **options: Any) -> str:
        relay = Relay()
        signal.signal(signal.SIGTERM, relay.stop)
        signal.signal(signal.SIGINT, relay.stop)
        serve_process_port(port, name="relay")
        self.stdout.write(f"Relaying {', '.join(relay.channels)}.")
        return f"Done: {relay.run(once=once)} events published."
