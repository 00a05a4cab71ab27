"""Disputes: to look at. What is said to the bank is said at the provider."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import display

from coupon_site.admin import ReadOnly, StateHistory
from payments.admin.amounts import ShowsAmount
from payments.models import Dispute, DisputeState

STATE_COLOURS = {
    DisputeState.INQUIRY.label: "info",
    DisputeState.OPEN.label: "warning",
    DisputeState.WON.label: "success",
    DisputeState.LOST.label: "danger",
}


class DisputeInline(ReadOnly, ShowsAmount, TabularInline):
    model = Dispute
    fields = ["provider_ref", "amount", "state", "reason", "respond_by", "created_at", "closed_at"]
    readonly_fields = ["amount", "created_at"]
    extra = 0
    ordering = ["-id"]
    show_change_link = True


@admin.register(Dispute)
class DisputeAdmin(ReadOnly, ShowsAmount, StateHistory):
    list_display = [
        "provider_ref", "amount", "shown_state", "reason", "respond_by", "provider", "created_at", "closed_at",
    ]  # fmt: skip
    list_filter = ["state", "provider", "created_at"]
    list_select_related = ["payment"]
    search_fields = ["provider_ref__exact", "payment__public_id__exact", "payment__reference__exact"]
    search_help_text = "The provider's id, a payment's id or reference"
    ordering = ["-id"]
    fields = [
        "provider", "provider_ref", "payment_page", "amount", "state", "reason", "respond_by", "created_at",
        "closed_at", "polls", "poll_at",
    ]  # fmt: skip
    readonly_fields = fields

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, dispute: Dispute) -> str:
        return dispute.get_state_display()

    @admin.display(description="payment")
    def payment_page(self, dispute: Dispute) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:payments_payment_change", args=[dispute.payment_id]), dispute.payment
        )
