"""`manage.py outbox list|replay|purge`: what operators do about messages, from a terminal."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from events.models import MessageState, OutboxMessage
from events.services import purge_messages, replay_messages

SHOWN = 50


class Command(BaseCommand):
    help = "Lists outbox messages; replays or purges dead ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="newest first")
        listing.add_argument("--state", choices=MessageState.values, help="only these")
        listing.add_argument("--limit", type=int, default=SHOWN, help=f"how many (default: {SHOWN})")
        for verb, text in (("replay", "dead messages are due again"), ("purge", "dead messages are removed for good")):
            chosen = verbs.add_parser(verb, help=text)
            chosen.add_argument("ids", nargs="*", type=UUID, metavar="ID", help="these messages")
            chosen.add_argument("--all", action="store_true", help="every dead message that the filters leave")
            add_filters(chosen)
        add_filters(listing)

    def handle(self, *args: Any, verb: str, **options: Any) -> str:
        messages = chosen_messages(options)
        if verb == "list":
            return self.list_messages(messages, state=options["state"], limit=options["limit"])
        if not options["ids"] and not options["all"]:
            raise CommandError("Name messages by id, or say --all.")
        dead = messages.filter(state=MessageState.DEAD)
        ids = list((dead.filter(pk__in=options["ids"]) if options["ids"] else dead).values_list("pk", flat=True))
        if verb == "replay":
            return f"Done: {replay_messages(ids=ids, at=timezone.now())} messages are due again."
        return f"Done: {purge_messages(ids=ids)} messages removed."

    def list_messages(self, messages: QuerySet[OutboxMessage], *, state: str | None, limit: int) -> str:
        now = timezone.now()
        shown = list((messages.filter(state=state) if state else messages).order_by("-pk")[:limit])
        for message in shown:
            age = message.age(message.finished_at or now).total_seconds()
            what = f"{message.pk}  {message.state:9}  {age:8.0f} s  {message.attempts}x"
            self.stdout.write(f"{what}  {message.handler}  {message.last_error[:60]}".rstrip())
        return f"Done: {len(shown)} messages listed."


def add_filters(parser: ArgumentParser) -> None:
    parser.add_argument("--topic", help="only of this topic")
    parser.add_argument("--handler", help="only for this handler")


def chosen_messages(options: dict[str, Any]) -> QuerySet[OutboxMessage]:
    """The messages that the filters leave."""
    filters = {name: options[name] for name in ("topic", "handler") if options[name]}
    return OutboxMessage.objects.filter(**filters)
