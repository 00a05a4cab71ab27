"""`manage.py flags VERB`: what operators do about flags where there is no browser."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from coupon_site.errors import DomainError
from flags.management.verbs import VERBS


class Command(BaseCommand):
    help = "Lists, turns, moves and tends feature flags."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar=" | ".join(VERBS))
        for name, verb in VERBS.items():
            verb.add_arguments(verbs.add_parser(name, help=verb.help))

    def handle(self, *args: Any, verb: str, **options: Any) -> str:
        try:
            return VERBS[verb](self.stdout, self.stderr).run(**options)
        except DomainError as error:
            raise CommandError(str(error)) from error
