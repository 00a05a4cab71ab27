"""`manage.py monitoring VERB`: what operations does to the monitoring, from a terminal."""

from argparse import ArgumentParser
from types import ModuleType
from typing import Any

from django.core.management.base import BaseCommand

from monitoring.operations import backup, drill, generate, restore, send_test_alert, silence, start, verify

VERBS: dict[str, ModuleType] = {
    "backup": backup,
    "drill": drill,
    "generate": generate,
    "restore": restore,
    "silence": silence,
    "start": start,
    "test-alert": send_test_alert,
    "verify": verify,
}


class Command(BaseCommand):
    help = "Looks after the monitoring."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        for name, operation in VERBS.items():
            operation.add_arguments(verbs.add_parser(name, help=operation.HELP, description=operation.HELP))

    def handle(self, *args: Any, verb: str, **options: Any) -> str:
        sentence: str = VERBS[verb].run(**{**options, "stdout": self.stdout})
        return sentence
