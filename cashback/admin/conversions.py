"""Purchases that networks have reported, to look at."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from cashback.models import Conversion
from coupon_site.admin import ReadOnly
from coupon_site.money import format_money


@admin.register(Conversion)
class ConversionAdmin(ReadOnly, ModelAdmin):
    list_display = ["external_id", "network", "buyer", "gross", "cancelled", "lines", "occurred_at"]
    list_filter = ["network", "is_cancellation"]
    list_select_related = ["network", "buyer"]
    search_fields = ["external_id", "buyer_ref", "buyer__email", "public_id"]
    ordering = ["-id"]

    @admin.display(description="sum", ordering="gross_minor")
    def gross(self, conversion: Conversion) -> str:
        return format_money(conversion.gross_minor, conversion.currency)

    @admin.display(description="cancelled", ordering="cancelled_minor")
    def cancelled(self, conversion: Conversion) -> str:
        return format_money(conversion.cancelled_minor, conversion.currency)
