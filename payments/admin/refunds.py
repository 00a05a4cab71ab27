"""Refunds: those that failed can be sent again or given up."""

from typing import cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display

from accounts.models import User
from coupon_site.admin import ReadOnly, StateHistory, asks_first
from coupon_site.errors import DomainError
from payments.admin.amounts import ShowsAmount
from payments.models import Refund, RefundState
from payments.services import cancel_refund, retry_refund

STATE_COLOURS = {
    RefundState.CREATED.label: "info",
    RefundState.IN_TRANSIT.label: "info",
    RefundState.DONE.label: "success",
    RefundState.FAILED.label: "danger",
    RefundState.CANCELLED.label: "warning",
}


class RefundInline(ReadOnly, ShowsAmount, TabularInline):
    model = Refund
    fields = ["amount", "state", "reason", "requested_by", "failure_code", "attempt", "created_at", "done_at"]
    readonly_fields = ["amount", "created_at"]
    extra = 0
    ordering = ["-id"]
    show_change_link = True


@admin.register(Refund)
class RefundAdmin(ReadOnly, ShowsAmount, StateHistory):
    list_display = ["created_at", "amount", "shown_state", "reason", "failure_code", "attempt", "requested_by"]
    list_filter = ["state", "payment__provider", "created_at"]
    list_select_related = ["payment", "requested_by"]
    search_fields = ["public_id__exact", "payment__public_id__exact", "payment__reference__exact"]
    search_help_text = "A refund's or payment's id, or what was paid for"
    ordering = ["-id"]
    actions = ["retry", "give_up"]
    fields = [
        "public_id", "payment", "amount", "state", "reason", "requested_by", "failure_code", "attempt", "provider_ref",
        "created_at", "done_at", "polls", "poll_at",
    ]  # fmt: skip
    readonly_fields = fields

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.change_refund")

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, refund: Refund) -> str:
        return refund.get_state_display()

    @admin.action(description="Send selected failed refunds again", permissions=["resolve"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        for refund in queryset:
            self.resolve(request, refund, give_up=False)

    @admin.action(description="Give up selected failed refunds", permissions=["resolve"])
    @asks_first("Nobody tries again to send this money back.")
    def give_up(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        for refund in queryset:
            self.resolve(request, refund, give_up=True)

    def resolve(self, request: HttpRequest, refund: Refund, *, give_up: bool) -> None:
        """One refund; what is refused is shown and stops none of the others."""
        service = cancel_refund if give_up else retry_refund
        try:
            service(refund=refund, actor=cast(User, request.user))
        except DomainError as error:
            self.message_user(request, f"{refund}: {error}", messages.ERROR)
