"""What is, what was, and what is wrong."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import redis
from django.core.management.base import CommandError
from django.utils import timezone

from flags import mirror
from flags.choices import PlanState
from flags.management.verbs.verb import Verb
from flags.models import CodeReference, Flag, FlagChange, Override, PlannedChange, Prerequisite, Rule
from flags.queries import find_flag, flags_with_last_change, read_document
from flags.registry import declared, type_of
from flags.services.propagation import drift
from flags.staleness import stale_flags


class List(Verb):
    help = "every flag, and who changed it last"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="archived ones, too")

    def run(self, *, all: bool, **options: Any) -> str:  # noqa: A002  the option's name
        flags = flags_with_last_change()
        shown = [*(flags if all else flags.filter(archived_at=None))]
        width = max((len(flag.key) for flag in shown), default=0)
        for flag in shown:
            last = f"{flag.changed_at:%Y-%m-%d %H:%M} by {flag.changed_by or flag.changed_source}"  # type: ignore[attr-defined]  # annotated
            line = f"{state_of(flag):<9}{flag.key:<{width}}  {flag.kind:<12} {last}  {flag.description}"
            self.say(line.rstrip())
        if missing := sorted(set(declared) - set(Flag.objects.values_list("key", flat=True))):
            self.say(f"Declared, not made yet (`flags sync` makes them): {', '.join(missing)}")
        return f"{len(shown)} flags."


class History(Verb):
    help = "who changed a flag, newest first"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--limit", type=int, default=20)

    def run(self, *, name: str, limit: int, **options: Any) -> str:
        changes = find_flag(name).changes.select_related("actor")[:limit]
        for change in changes:
            self.say(line_of(change))
        return f"{len(changes)} changes shown."


class StaleFlags(Verb):
    help = "flags that may go, and why; exit code 1 with --check when there are any"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail when there are any")

    def run(self, *, check: bool, **options: Any) -> str:
        found = stale_flags(timezone.now())
        for stale in found:
            self.say(str(stale))
        if check and found:
            raise CommandError(f"{len(found)} flags may go.")
        return f"{len(found)} flags may go."


class Doctor(Verb):
    help = "what is wrong with the flags, and what to do about it; exit code 1 when anything is"

    def run(self, **options: Any) -> str:
        problems = [*redis_problems(), *code_problems(), *row_problems(timezone.now())]
        for problem in problems:
            self.say(f"- {problem}")
        if problems:
            raise CommandError(f"{len(problems)} findings.")
        return "All is well."


def redis_problems() -> Iterator[str]:
    try:
        kind = drift(mirror.held(), read_document())
    except redis.RedisError as error:
        yield f"Redis does not answer ({error}): processes go on with what they know, or with the database."
    else:
        if kind:
            yield f"Redis differs from the database ({kind}): `flags reconcile`, and see that a worker runs."


def code_problems() -> Iterator[str]:
    types = dict(Flag.objects.values_list("key", "type"))
    for key, declaration in sorted(declared.items()):
        if key not in types:
            yield f"{key} is declared, but not made: `flags sync`."
        elif types[key] != type_of(declaration.default):
            yield f"{key} is declared as {type_of(declaration.default)}, but made as {types[key]}."
    named = CodeReference.objects.values_list("key", flat=True).distinct()
    for key in sorted(set(named) - types.keys() - declared.keys()):
        yield f"The code names {key}, which there is not: remove the code, or make the flag."
    for key in Flag.objects.exclude(archived_at=None).filter(key__in=named).values_list("key", flat=True):
        yield f"The code names {key}, which is archived: remove the code."


def row_problems(at: datetime) -> Iterator[str]:
    for rule in Rule.objects.filter(ends_at__lte=at, flag__archived_at=None).select_related("flag"):
        yield f"{rule.flag.key}: the time of the rule {rule} is over."
    for override in Override.objects.filter(expires_at__lte=at, flag__archived_at=None).select_related("flag"):
        yield f"{override.flag.key}: the override of {override.subject} has expired."
    unmet = Prerequisite.objects.filter(flag__enabled=True, required__enabled=False, on=True)
    for each in unmet.select_related("flag", "required"):
        yield f"{each.flag.key} is on, but {each.required.key}, which it needs, is off."
    waiting = PlannedChange.objects.filter(run_at__lte=at).select_related("flag")
    for plan in waiting.filter(state=PlanState.PROPOSED):
        yield f"{plan} still waits for approval."
    for plan in waiting.filter(pk__in=PlannedChange.objects.due(at).values("pk")):
        yield f"{plan} is due: see that a worker runs."


def state_of(flag: Flag) -> str:
    return "archived" if flag.archived_at else "on" if flag.enabled else "off"


def line_of(change: FlagChange) -> str:
    """One change in one line."""
    what = ", ".join(f"{field}: {old!r} → {new!r}" for field, (old, new) in change.changed.items())
    who = change.actor or change.source
    why = f" ({change.reason})" if change.reason else ""
    when = f"{timezone.localtime(change.created_at):%Y-%m-%d %H:%M:%S}"
    return f"{when} version {change.set_version} {who}: {'made' if change.before is None else what}{why}"
