"""Turning flags, and taking changes back."""

from argparse import ArgumentParser
from typing import Any, ClassVar

from django.utils import timezone

from flags.choices import FlagSource
from flags.management.verbs.verb import Verb
from flags.models import Flag, PlannedChange
from flags.queries import find_flag
from flags.services import change_or_plan, revert_patch


class Turn(Verb):
    enabled: ClassVar[bool]

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--reason", default="", help="demanded for protected flags")

    def run(self, *, name: str, reason: str, **options: Any) -> str:
        state = "on" if self.enabled else "off"
        before = Flag.objects.filter(key=name).values_list("version", flat=True).first()
        done = change_or_plan(
            key=name,
            patch={"enabled": self.enabled},
            actor=None,
            source=FlagSource.COMMAND,
            reason=reason,
            at=timezone.now(),
        )
        if isinstance(done, PlannedChange):
            return waits(done)
        return f"{name} is {state}." if done.version != before else f"{name} was {state} already."


class On(Turn):
    help = "turn a flag on; a protected one waits for approval"
    enabled = True


class Off(Turn):
    help = "turn a flag off, at once"
    enabled = False


class Revert(Verb):
    help = "bring a flag back to how it was before a change"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--before", type=int, metavar="VERSION", help="default: the last change; see `flags history`"
        )
        parser.add_argument("--reason", default="", help="demanded for protected flags")

    def run(self, *, name: str, before: int | None, reason: str, **options: Any) -> str:
        change = before or find_flag(name).changes.values_list("set_version", flat=True)[0]
        patch = revert_patch(key=name, change=change)
        if not patch:
            return f"{name} is as it was before version {change}."
        done = change_or_plan(
            key=name, patch=patch, actor=None, source=FlagSource.COMMAND, reason=reason, at=timezone.now()
        )
        if isinstance(done, PlannedChange):
            return waits(done)
        return f"{name} is back to before version {change}: {', '.join(patch)}."


def waits(plan: PlannedChange) -> str:
    return f"{plan.flag.key} is protected: the change waits for somebody to approve it ({plan.public_id})."
