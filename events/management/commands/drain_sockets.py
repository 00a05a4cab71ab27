"""`manage.py drain_sockets`: before a host's server processes are ended, for instance from a pre-stop hook."""

import socket
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from events.control import order_drain


class Command(BaseCommand):
    help = "Sends the clients of a host's server processes elsewhere, in groups; new ones are refused meanwhile."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=socket.gethostname(), help="(default: this one)")
        parser.add_argument("--no-wait", action="store_true", help="return at once")

    def handle(self, *args: Any, host: str, no_wait: bool, **options: Any) -> str:
        order_drain(host=host)
        if no_wait:
            return f"Done: the clients of {host} are being sent away."
        time.sleep(settings.REALTIME_DRAIN_SECONDS)
        return f"Done: the clients of {host} had {settings.REALTIME_DRAIN_SECONDS:.0f} s to leave."
