"""The outbox for operators: what waits, what failed and why; replay and purge."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, ClassVar

import orjson
from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from coupon_site.admin import ReadOnly, asks_first, preformatted, row_or_404
from events import services
from events.admin.buttons import button
from events.events import RAW, TYPES
from events.models import EventStatus, MessageState, OutboxChannel, OutboxEvent, OutboxMessage
from events.registry import registry

ERROR = """<span title="{0}" style="display: block; max-width: min(13rem, 60vw); overflow: hidden;
    text-overflow: ellipsis; white-space: nowrap">{0}</span>"""
STATE_COLOURS = {
    MessageState.PENDING.label: "info",
    MessageState.LEASED.label: "info",
    MessageState.DELIVERED.label: "success",
    MessageState.DEAD.label: "danger",
}
STATUS_COLOURS = {
    EventStatus.QUEUED.label: "info",
    EventStatus.SEQUENCED.label: "info",
    EventStatus.PUBLISHED.label: "success",
    EventStatus.DEAD.label: "danger",
}


def known(field: str, title_: str, names: Callable[[], Iterable[str]]) -> type[admin.SimpleListFilter]:
    """A filter by what the code knows: to ask a long table for its different values is to read all of it."""

    class Known(admin.SimpleListFilter):
        title = title_
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
            return [(name, name) for name in sorted(names())]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() else queryset

    return Known


class OutboxAdmin(ReadOnly, ModelAdmin):
    """Rows of which only dead ones can be acted upon: one on its page, many from the list."""

    key: ClassVar[str]
    replay_rows: ClassVar[Callable[..., int]]
    purge_rows: ClassVar[Callable[..., int]]
    actions = ["replay", "purge"]
    actions_detail = ["replay_one", "purge_one"]

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(f"events.change_{self.opts.model_name}")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What is not dead needs nobody."""
        row = row_or_404(self.model.objects.all(), object_id)
        return super().get_actions_detail(request, object_id) if row.is_dead else []

    @admin.display(description="error")
    def error(self, row: Any) -> SafeString:
        return format_html(ERROR, row.last_error)

    @admin.display(description="last error")
    def whole_error(self, row: Any) -> SafeString | str:
        return preformatted(row.last_error) if row.last_error else "—"

    @admin.action(description="Replay selected dead ones", permissions=["operate"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.act(request, queryset, "replayed", type(self).replay_rows, at=timezone.now())

    @admin.action(description="Purge selected dead ones", permissions=["operate"])
    @asks_first("They are removed for good: nobody will hear of them.")
    def purge(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.act(request, queryset, "purged", type(self).purge_rows)

    @button("Replay", "replay", "It is tried again at once, with all its attempts.", permission="operate")
    def replay_one(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        self.replay(request, self.model.objects.filter(pk=object_id))
        return HttpResponse(headers={"HX-Redirect": self.address("change", object_id)})

    @button("Purge", "delete", "It is removed for good: nobody will hear of it.", permission="operate")
    def purge_one(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        self.act(request, self.model.objects.filter(pk=object_id), "purged", type(self).purge_rows)
        return HttpResponse(headers={"HX-Redirect": self.address("changelist")})

    def address(self, page: str, *arguments: str) -> str:
        return reverse(f"admin:events_{self.opts.model_name}_{page}", args=arguments)

    def act(
        self, request: HttpRequest, rows: QuerySet[Model], verb: str, action: Callable[..., int], **values: Any
    ) -> None:
        """Run a service over the chosen rows and say how many it changed."""
        chosen = list(rows.values_list(self.key, flat=True))
        changed = action(ids=chosen, **values)
        rest = f"; {len(chosen) - changed} were not dead" if changed < len(chosen) else ""
        self.message_user(request, f"{changed} {verb}{rest}.")


def readable(age: timedelta) -> str:
    """`3 d 4:05:06`, without fractions."""
    clock = str(timedelta(seconds=age.seconds))
    return f"{age.days} d {clock}" if age.days else clock


@admin.register(OutboxMessage)
class OutboxMessageAdmin(OutboxAdmin):
    key, replay_rows, purge_rows = "public_id", services.replay_messages, services.purge_messages
    list_display = ["subject", "shown_state", "handler", "attempts", "age", "error", "scheduled_at"]
    list_filter = ["state", known("topic", "topic", registry.topics), known("event", "event", lambda: TYPES)]
    search_fields = ["public_id__exact", "handler__icontains", "last_error__icontains", "payload__icontains",
                     "headers__icontains"]  # fmt: skip
    search_help_text = (
        "A message's or request's id, a handler, words of the error, an order's id or else of the payload"
    )
    ordering = ["-public_id"]
    fields = [
        "subject", "state", "handler", "topic", "attempts", "expired_leases", "age", "whole_error", "payload",
        "headers", "public_id", "created_at", "scheduled_at", "due_at", "finished_at",
    ]  # fmt: skip

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, message: OutboxMessage) -> str:
        return message.get_state_display()

    @admin.display(description="age")
    def age(self, message: OutboxMessage) -> str:
        return readable(message.age(message.finished_at or timezone.now()))


@admin.register(OutboxEvent)
class OutboxEventAdmin(OutboxAdmin):
    key, replay_rows, purge_rows = "event_id", services.replay_events, services.purge_events
    list_display = ["event_type", "shown_status", "channel", "seq", "attempts", "age", "error", "created_at"]
    list_filter = [
        "status",
        known("channel", "channel", lambda: settings.REALTIME_CHANNELS),
        known("event_type", "type", lambda: (*TYPES, RAW)),
    ]
    search_fields = ["event_id__exact", "aggregate_id__exact", "last_error__icontains", "payload__icontains",
                     "headers__icontains"]  # fmt: skip
    search_help_text = "An event's or request's id, what it is about, words of the error or of the payload"
    ordering = ["-id"]
    fields = [
        "event_type", "status", "channel", "seq", "aggregate_type", "aggregate_id", "attempts", "age", "whole_error",
        "audience", "shown_payload", "headers", "event_id", "created_at", "next_attempt_at", "sequenced_at",
        "published_at",
    ]  # fmt: skip

    @display(description="status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_status(self, event: OutboxEvent) -> str:
        return event.get_status_display()

    @admin.display(description="age")
    def age(self, event: OutboxEvent) -> str:
        return readable((event.published_at or timezone.now()) - event.created_at)

    @admin.display(description="payload")
    def shown_payload(self, event: OutboxEvent) -> SafeString:
        try:
            return preformatted(orjson.dumps(orjson.loads(event.payload), option=orjson.OPT_INDENT_2).decode())
        except orjson.JSONDecodeError:  # what it died of
            return preformatted(event.payload)


@admin.register(OutboxChannel)
class OutboxChannelAdmin(ReadOnly, ModelAdmin):
    list_display = ["channel", "epoch", "last_seq", "published_seq"]
