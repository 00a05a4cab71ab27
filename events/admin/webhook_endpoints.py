"""Endpoints of webhooks with their health, and what can be done about it."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from accounts.models import User
from coupon_site.admin import StateHistory, row_or_404
from coupon_site.errors import DomainError
from events.admin.buttons import button
from events.models import EndpointState, WebhookEndpoint
from events.queries import endpoints_with_health, known_topics
from events.services import webhooks

HEALTH_COLOURS = {"healthy": "success", "new": "info", "failing": "danger", "disabled": "warning"}


def ago(moment: datetime | None) -> str:
    """`3 hours ago`, as far as it matters."""
    return f"{since(moment)} ago" if moment else "never"


def since(moment: datetime) -> str:
    recent = timezone.now() - moment < timedelta(minutes=1)
    return "less than a minute" if recent else timesince(moment, depth=1)


class EndpointForm(forms.ModelForm[WebhookEndpoint]):
    """Saved through the services; the address is looked up before it is taken."""

    topics = forms.MultipleChoiceField(
        widget=UnfoldAdminSelect2MultipleWidget, help_text="`order.*` is every event of orders, `*` is all"
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["url", "topics", "description"]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if "topics" in self.fields:
            chosen = set(self.instance.topics or [])
            topics = cast(forms.MultipleChoiceField, self.fields["topics"])
            topics.choices = [(topic, topic) for topic in sorted(known_topics() | chosen)]

    def clean_url(self) -> str:
        try:
            return webhooks.check_url(self.cleaned_data["url"])
        except DomainError as error:
            raise ValidationError(str(error)) from error


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(StateHistory):
    form = EndpointForm
    list_display = ["name", "health", "last_success", "success_rate", "waits", "topic_names", "created_at"]
    list_filter = ["state"]
    search_fields = ["url", "description"]
    ordering = ["-id"]
    fields = ["url", "topics", "description"]
    record = [
        "public_id", "health", "disabled_reason", "last_success", "failing_since", "success_rate", "waits",
        "old_secret_ends_at", "created_by", "created_at",
    ]  # fmt: skip
    readonly_fields = record
    actions = ["enable_selected", "disable_selected", "test_selected"]
    actions_detail = ["send_test", "rotate", "disable", "enable"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        return endpoints_with_health(at=timezone.now()).order_by("-id")

    def get_fieldsets(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> Any:
        record = [("Record", {"fields": self.record})] if obj else []
        return [(None, {"fields": self.fields}), *record]

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:  # noqa: FBT001  Django's signature
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        if change:
            webhooks.change_endpoint(endpoint=obj, **values)
            return
        made, secret = webhooks.create_endpoint(**values, actor=cast(User, request.user))
        obj.pk = made.pk
        self.show_secret(request, secret)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """An endpoint goes with all its deliveries, too many to list and read-only by themselves."""
        endpoints = [str(endpoint) for endpoint in objs]
        return endpoints, {"webhook endpoints with their deliveries": len(endpoints)}, set(), []

    def delete_model(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        webhooks.delete_endpoint(endpoint=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            webhooks.delete_endpoint(endpoint=endpoint)

    def show_secret(self, request: HttpRequest, secret: str) -> None:
        self.message_user(request, f"The secret is {secret}. It is shown this once.", messages.WARNING)

    # --- What a row shows --------------------------------------------------------------------------------------------
    @admin.display(description="endpoint", ordering="url")
    def name(self, endpoint: WebhookEndpoint) -> str:
        return format_html("{}<br><small>{}</small>", endpoint.description or "—", endpoint.url)

    @display(description="health", label=HEALTH_COLOURS)  # type: ignore[untyped-decorator]  # unfold has no types
    def health(self, endpoint: Any) -> str:
        if endpoint.state == EndpointState.DISABLED:
            return "disabled"
        if endpoint.failing_since:
            return "failing"
        return "healthy" if endpoint.last_success_at else "new"

    @admin.display(description="last success")
    def last_success(self, endpoint: Any) -> str:
        failing = f", failing for {since(endpoint.failing_since)}" if endpoint.failing_since else ""
        return ago(endpoint.last_success_at) + failing

    @admin.display(description="delivered, last 24 h")
    def success_rate(self, endpoint: Any) -> str:
        tried = endpoint.delivered + endpoint.failed + endpoint.retrying
        return f"{endpoint.delivered / tried:.1%} of {tried}" if tried else "—"

    @admin.display(description="waiting")
    def waits(self, endpoint: Any) -> str:
        address = reverse("admin:events_webhookdelivery_changelist") + f"?endpoint__id__exact={endpoint.pk}"
        return format_html('<a href="{}">{}</a>', address, endpoint.waiting)

    @admin.display(description="topics")
    def topic_names(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.topics)

    # --- What can be done --------------------------------------------------------------------------------------------
    @admin.action(description="Enable selected endpoints", permissions=["change"])
    def enable_selected(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        self.each(request, queryset, self.do_enable)

    @admin.action(description="Disable selected endpoints", permissions=["change"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        self.each(request, queryset, self.do_disable)

    @admin.action(description="Send a test event to selected endpoints", permissions=["change"])
    def test_selected(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        self.each(request, queryset, self.do_test)

    @button("Send a test event", "send", "What came of it is among the deliveries within seconds.")
    def send_test(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        return self.one(request, object_id, self.do_test)

    @button("Rotate the secret", "key", "The new one is shown once; the present one signs as well for a day.")
    def rotate(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        return self.one(request, object_id, self.do_rotate)

    @button("Disable", "pause", "Nothing more is made for it, and what waits, waits.")
    def disable(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        return self.one(request, object_id, self.do_disable)

    @button("Enable", "play_arrow", "What waits is sent first.")
    def enable(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        return self.one(request, object_id, self.do_enable)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Enable or disable, whichever makes sense."""
        disabled = row_or_404(WebhookEndpoint.objects.all(), object_id).state == EndpointState.DISABLED
        hidden = "events_webhookendpoint_disable" if disabled else "events_webhookendpoint_enable"
        return [each for each in super().get_actions_detail(request, object_id) if each.action_name != hidden]

    def do_enable(self, request: HttpRequest, endpoint: WebhookEndpoint) -> None:
        webhooks.enable_endpoint(endpoint=endpoint, actor=cast(User, request.user))

    def do_disable(self, request: HttpRequest, endpoint: WebhookEndpoint) -> None:
        webhooks.disable_endpoint(endpoint=endpoint, reason="By an operator", actor=cast(User, request.user))

    def do_test(self, request: HttpRequest, endpoint: WebhookEndpoint) -> None:
        webhooks.send_test(endpoint=endpoint, at=timezone.now())
        self.message_user(request, f"A test event is on its way to {endpoint}.")

    def do_rotate(self, request: HttpRequest, endpoint: WebhookEndpoint) -> None:
        self.show_secret(request, webhooks.rotate_secret(endpoint=endpoint, at=timezone.now()))

    def one(self, request: HttpRequest, pk: str, work: Callable[[HttpRequest, WebhookEndpoint], None]) -> HttpResponse:
        """Do it to the endpoint of this page, and show the page again."""
        self.each(request, [row_or_404(WebhookEndpoint.objects.all(), pk)], work)
        return HttpResponse(headers={"HX-Redirect": reverse("admin:events_webhookendpoint_change", args=[pk])})

    def each(
        self,
        request: HttpRequest,
        endpoints: Iterable[WebhookEndpoint],
        work: Callable[[HttpRequest, WebhookEndpoint], None],
    ) -> None:
        """One by one; a refusal is told and stops no other."""
        for endpoint in endpoints:
            try:
                work(request, endpoint)
            except DomainError as error:
                self.message_user(request, f"{endpoint}: {error}", messages.ERROR)
