"""The outbox for operators: what waits, what failed and why; replay and purge."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator
from unfold.admin import ModelAdmin

from events import services
from events.models import OutboxChannel, OutboxEvent, OutboxMessage


class ReadOnlyAdmin(ModelAdmin):
    """Rows are written by services alone."""

    show_full_result_count = False  # these tables are long

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [field.name for field in self.model._meta.fields]

    def act(
        self, request: HttpRequest, verb: str, action: Callable[..., int], ids: Iterable[UUID], **values: Any
    ) -> None:
        """Run a service over the chosen rows and say how many it changed."""
        chosen = list(ids)
        changed = action(ids=chosen, **values)
        rest = f"; {len(chosen) - changed} were not dead" if changed < len(chosen) else ""
        self.message_user(request, f"{changed} {verb}{rest}.")


def readable(age: timedelta) -> str:
    """`3 d 4:05:06`, without fractions."""
    clock = str(timedelta(seconds=age.seconds))
    return f"{age.days} d {clock}" if age.days else clock


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ["subject", "handler", "state", "attempts", "age", "error", "scheduled_at"]
    list_filter = ["state", "topic", "event"]
    search_fields = ["handler", "event"]
    ordering = ["-public_id"]
    actions = ["replay", "purge"]

    @admin.display(description="age")
    def age(self, message: OutboxMessage) -> str:
        return readable(message.age(message.finished_at or timezone.now()))

    @admin.display(description="error")
    def error(self, message: OutboxMessage) -> str:
        return Truncator(message.last_error).chars(80)

    @admin.action(description="Replay selected dead messages", permissions=["change"])
    def replay(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        ids = queryset.values_list("public_id", flat=True)
        self.act(request, "replayed", services.replay_messages, ids, at=timezone.now())

    @admin.action(description="Purge selected dead messages", permissions=["change"])
    def purge(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        self.act(request, "purged", services.purge_messages, queryset.values_list("public_id", flat=True))


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    list_display = ["event_type", "channel", "seq", "status", "attempts", "age", "error", "created_at"]
    list_filter = ["status", "channel", "event_type"]
    search_fields = ["aggregate_id", "event_type"]
    ordering = ["-id"]
    actions = ["replay", "purge"]

    @admin.display(description="age")
    def age(self, event: OutboxEvent) -> str:
        return readable((event.published_at or timezone.now()) - event.created_at)

    @admin.display(description="error")
    def error(self, event: OutboxEvent) -> str:
        return Truncator(event.last_error).chars(80)

    @admin.action(description="Queue selected dead events again", permissions=["change"])
    def replay(self, request: HttpRequest, queryset: QuerySet[OutboxEvent]) -> None:
        ids = queryset.values_list("event_id", flat=True)
        self.act(request, "queued again", services.replay_events, ids, at=timezone.now())

    @admin.action(description="Purge selected dead events", permissions=["change"])
    def purge(self, request: HttpRequest, queryset: QuerySet[OutboxEvent]) -> None:
        self.act(request, "purged", services.purge_events, queryset.values_list("event_id", flat=True))


@admin.register(OutboxChannel)
class OutboxChannelAdmin(ReadOnlyAdmin):
    list_display = ["channel", "epoch", "last_seq", "published_seq"]
