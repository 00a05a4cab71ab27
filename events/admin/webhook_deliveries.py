"""Every delivery of a webhook, with what was sent and answered."""

from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display

from accounts.models import User
from coupon_site.admin import ReadOnly, StateHistory, preformatted
from coupon_site.errors import DomainError
from events.models import DeliveryState, WebhookDelivery
from events.services import webhooks

SECOND = "{:%Y-%m-%d %H:%M:%S} UTC"
STATE_COLOURS = {
    DeliveryState.PENDING.label: "info",
    DeliveryState.SENDING.label: "info",
    DeliveryState.DELIVERED.label: "success",
    DeliveryState.FAILED.label: "danger",
}


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly, StateHistory):
    list_display = ["event_type", "endpoint", "shown_state", "attempts", "answer", "took", "next_try", "created_at"]
    list_filter = ["state", "endpoint", "event_type"]
    list_select_related = ["endpoint"]
    search_fields = ["event_id__exact", "public_id__exact"]
    search_help_text = "The id of an event or of a delivery"
    ordering = ["-id"]
    fields = [
        "public_id", "endpoint", "event_type", "event_id", "state", "attempts", "next_try", "answer", "took",
        "request_body", "response_excerpt", "created_at", "finished_at",
    ]  # fmt: skip
    actions = ["replay"]
    change_form_before_template = "events/attempts.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        delivery = self.get_object(request, object_id)
        attempts = attempts_of(delivery) if delivery else None
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "attempts": attempts})

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # as above
    def shown_state(self, delivery: WebhookDelivery) -> str:
        return delivery.get_state_display()

    @admin.display(description="answer")
    def answer(self, delivery: WebhookDelivery) -> str:
        return delivery.last_error or (str(delivery.last_status) if delivery.last_status else "—")

    @admin.display(description="took")
    def took(self, delivery: WebhookDelivery) -> str:
        return "—" if delivery.duration_ms is None else f"{delivery.duration_ms} ms"

    @admin.display(description="next try")
    def next_try(self, delivery: WebhookDelivery) -> str:
        return SECOND.format(delivery.next_at) if delivery.finished_at is None else "—"

    @admin.display(description="request")
    def request_body(self, delivery: WebhookDelivery) -> str:
        return preformatted(delivery.body)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("events.change_webhookdelivery")

    @admin.action(description="Send selected deliveries again", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        replayed = 0
        for delivery in queryset.select_related("endpoint"):
            try:
                webhooks.replay_delivery(delivery=delivery, actor=cast(User, request.user), at=timezone.now())
            except DomainError as error:
                self.message_user(request, f"{delivery}: {error}", messages.ERROR)
            else:
                replayed += 1
        if replayed:
            self.message_user(request, f"{replayed} will be sent again.")


def attempts_of(delivery: WebhookDelivery) -> dict[str, list[Any]]:
    """Every attempt, the oldest first, as the admin's table component takes it."""
    return {
        "headers": ["When", "Where to", "Status", "Took", "What went wrong", "Answer"],
        "rows": [
            [
                SECOND.format(datetime.fromisoformat(each["at"])),
                each["url"],
                each["status"] or "—",
                f"{each['ms']} ms",
                each["error"],
                each["response"],
            ]
            for each in delivery.log
        ],
    }
