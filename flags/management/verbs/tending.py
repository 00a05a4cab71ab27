"""Keeping flags, code and Redis together."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from flags.choices import FlagSource
from flags.management.verbs.verb import Verb
from flags.models import Flag
from flags.registry import declared
from flags.scan import references
from flags.services import reconcile, record_references, sync_declared


class Sync(Verb):
    help = "make the declared flags that are missing; what exists stays as it is"

    def run(self, **options: Any) -> str:
        made = sync_declared(actor=None, source=FlagSource.COMMAND)
        for flag in made:
            self.say(f"made {flag.key} ({'on' if flag.enabled else 'off'})")
        try:
            reconcile()
        except redis.RedisError as error:
            self.warn(f"Redis does not answer ({error}); a worker will bring it up to date.")
        return f"{len(made)} made, {len(declared) - len(made)} there already."


class Reconcile(Verb):
    help = "compare Redis with the database, and repair it"

    def run(self, **options: Any) -> str:
        try:
            repaired = reconcile()
        except redis.RedisError as error:
            raise CommandError(f"Redis does not answer: {error}") from error
        return "Redis differed and is repaired." if repaired else "Redis has what the database has."


class Scan(Verb):
    help = "look for the lines of code that name flags"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, default=settings.BASE_DIR, help="default: this site's code")

    def run(self, *, folder: Path, **options: Any) -> str:
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder.")
        keys = {*Flag.objects.values_list("key", flat=True), *declared}
        found = references(folder.resolve(), keys)
        record_references(references=found, at=timezone.now())
        for each in found:
            self.say(f"{each.key}  {each.path}:{each.line}  {each.text}")
        unnamed = sorted(keys - {each.key for each in found})
        if unnamed:
            self.say(f"No code names: {', '.join(unnamed)}")
        return f"{len(found)} lines name {len(keys) - len(unnamed)} of {len(keys)} flags."
