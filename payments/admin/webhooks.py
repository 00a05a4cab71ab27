"""What providers have told: to look at, as it came."""

import orjson
from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from coupon_site.admin import ReadOnly, preformatted
from payments.models import ReceiptOutcome, WebhookReceipt

OUTCOME_COLOURS = {
    ReceiptOutcome.WAITING.label: "warning",
    ReceiptOutcome.APPLIED.label: "success",
    ReceiptOutcome.IGNORED.label: "info",
    ReceiptOutcome.FOREIGN.label: "info",
}


@admin.register(WebhookReceipt)
class WebhookReceiptAdmin(ReadOnly, ModelAdmin):
    list_display = ["event_id", "event_type", "provider", "shown_outcome", "copies", "received_at", "applied_at"]
    list_filter = ["outcome", "provider", "event_type", "received_at"]
    search_fields = ["event_id__exact", "body__contains"]
    search_help_text = "An event's id, or anything in its body, such as the provider's id of a charge"
    ordering = ["-id"]
    fields = [
        "event_id", "event_type", "provider", "outcome", "verified", "copies", "received_at", "applied_at",
        "shown_body", "raw_body",
    ]  # fmt: skip
    readonly_fields = fields

    @display(description="outcome", ordering="outcome", label=OUTCOME_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_outcome(self, receipt: WebhookReceipt) -> str:
        return receipt.get_outcome_display()

    @admin.display(description="body")
    def shown_body(self, receipt: WebhookReceipt) -> SafeString:
        return preformatted(orjson.dumps(orjson.loads(receipt.body), option=orjson.OPT_INDENT_2).decode())

    @admin.display(description="body, as it came")
    def raw_body(self, receipt: WebhookReceipt) -> SafeString:
        return preformatted(receipt.body)
