"""`manage.py run_worker`: the process that works off the outbox."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coupon_site.process import serve_process_port
from events.registry import registry
from events.sweeper import Sweeper
from events.worker import Worker, all_topics


class Command(BaseCommand):
    help = "Works off outbox messages, and runs the timed sweeps while it is the leading worker."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--topics", nargs="+", default=[], metavar="TOPIC", help="only these (default: all but dedicated ones)"
        )
        parser.add_argument("--port", type=int, default=0, help="serve /metrics and health here (default: nowhere)")
        parser.add_argument("--once", action="store_true", help="end when nothing is due; runs no sweeps")

    def handle(self, *args: Any, topics: list[str], port: int, once: bool, **options: Any) -> str:
        known = all_topics()
        if unknown := sorted(set(topics) - set(known)):
            raise CommandError(f"No handler has the topic {', '.join(unknown)}; there are {', '.join(known)}.")
        worker = Worker(topics)
        signal.signal(signal.SIGTERM, worker.stop)
        signal.signal(signal.SIGINT, worker.stop)
        serve_process_port(port, name="worker")
        done = worker.run(once=True) if once else self.run_with_sweeps(worker)
        return f"Done: {done} messages worked off."

    def run_with_sweeps(self, worker: Worker) -> int:
        """Messages here, sweeps in a thread beside them, until the process is told to stop."""
        self.stdout.write(f"Working off {', '.join(worker.topics)}.")
        sweeper = Sweeper(registry.sweeps)
        sweeper.start()
        done = worker.run()
        sweeper.stop()
        sweeper.join()
        return done
