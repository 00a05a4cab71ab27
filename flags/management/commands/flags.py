"""`manage.py flags list | on NAME | off NAME | sync | history NAME`."""

from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from coupon_site.errors import DomainError
from flags.choices import FlagSource
from flags.models import Flag, FlagChange
from flags.queries import find_flag, flags_with_last_change
from flags.registry import declared
from flags.services import reconcile, set_flag, sync_declared


class Command(BaseCommand):
    help = "Lists, turns and explains feature flags."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="list | on | off | sync | history")
        listing = verbs.add_parser("list", help="every flag, and who changed it last")
        listing.add_argument("--all", action="store_true", help="archived ones, too")
        for verb in ("on", "off"):
            turn = verbs.add_parser(verb, help=f"turn a flag {verb}")
            turn.add_argument("name")
            turn.add_argument("--reason", default="", help="demanded for protected flags")
        verbs.add_parser("sync", help="make the declared flags that are missing; what exists stays as it is")
        history = verbs.add_parser("history", help="who changed a flag, newest first")
        history.add_argument("name")
        history.add_argument("--limit", type=int, default=20)

    def handle(self, *args: Any, verb: str, **options: Any) -> str:
        try:
            match verb:
                case "list":
                    return self.show(archived=options["all"])
                case "on" | "off":
                    return self.turn(options["name"], enabled=verb == "on", reason=options["reason"])
                case "history":
                    return self.tell(options["name"], limit=options["limit"])
                case _:
                    return self.sync()
        except DomainError as error:
            raise CommandError(str(error)) from error

    def show(self, *, archived: bool) -> str:
        flags = flags_with_last_change()
        shown = [*(flags if archived else flags.filter(archived_at=None))]
        width = max((len(flag.key) for flag in shown), default=0)
        for flag in shown:
            state = "archived" if flag.archived_at else "on" if flag.enabled else "off"
            last = f"{flag.changed_at:%Y-%m-%d %H:%M} by {flag.changed_by or flag.changed_source}"  # type: ignore[attr-defined]  # annotated
            self.stdout.write(f"{state:<9}{flag.key:<{width}}  {flag.kind:<12} {last}  {flag.description}".rstrip())
        if missing := sorted(set(declared) - set(Flag.objects.values_list("key", flat=True))):
            self.stdout.write(f"Declared, not made yet (`flags sync` makes them): {', '.join(missing)}")
        return f"{len(shown)} flags."

    def turn(self, name: str, *, enabled: bool, reason: str) -> str:
        state = "on" if enabled else "off"
        before = Flag.objects.filter(key=name).values_list("version", flat=True).first()
        flag = set_flag(key=name, enabled=enabled, actor=None, source=FlagSource.COMMAND, reason=reason)
        return f"{name} is {state}." if flag.version != before else f"{name} was {state} already."

    def sync(self) -> str:
        made = sync_declared(actor=None, source=FlagSource.COMMAND)
        for flag in made:
            self.stdout.write(f"made {flag.key} ({'on' if flag.enabled else 'off'})")
        try:
            reconcile()
        except redis.RedisError as error:
            self.stderr.write(f"Redis does not answer ({error}); a worker will bring it up to date.")
        return f"{len(made)} made, {len(declared) - len(made)} there already."

    def tell(self, name: str, *, limit: int) -> str:
        changes = find_flag(name).changes.select_related("actor")[:limit]
        for change in changes:
            self.stdout.write(line_of(change))
        return f"{len(changes)} changes shown."


def line_of(change: FlagChange) -> str:
    """One change in one line."""
    what = ", ".join(f"{field}: {old!r} → {new!r}" for field, (old, new) in change.changed.items())
    who = change.actor or change.source
    why = f" ({change.reason})" if change.reason else ""
    when = f"{timezone.localtime(change.created_at):%Y-%m-%d %H:%M:%S}"
    return f"{when} {who}: {'made' if change.before is None else what}{why}"
