"""Vouchers for operators."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display

from coupon_site.admin import ReadOnly, StateHistory
from coupon_site.money import format_money
from vouchers.codes import parse_code
from vouchers.links import page_path
from vouchers.models import Gift, Redemption, Voucher

STATE_COLOURS = {"Active": "success", "Locked for a gift": "info", "Redeemed": "warning", "Cancelled": "danger"}


class GiftInline(ReadOnly, TabularInline):
    """How it was given away."""

    model = Gift
    fields = ["public_id", "state", "theme", "mode", "giver", "claimed_by", "deliver_at", "expires_at"]
    readonly_fields = ["public_id"]
    extra = 0
    show_change_link = True


class RedemptionInline(ReadOnly, TabularInline):
    """Its uses at tills."""

    model = Redemption
    fields = ["created_at", "kind", "device", "nonce"]
    readonly_fields = ["kind"]
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Redemption]:
        rows: QuerySet[Redemption] = super().get_queryset(request)
        return rows.select_related("device__merchant").order_by("id")

    @admin.display(description="kind")
    def kind(self, redemption: Redemption) -> str:
        return "void" if redemption.voids_id else "use"


@admin.register(Voucher)
class VoucherAdmin(ReadOnly, StateHistory):
    list_display = ["public_id", "value", "merchant", "owner", "shown_state", "uses", "expires_at"]
    list_filter = ["state", "merchant"]
    list_select_related = ["merchant", "owner"]
    search_fields = ["public_id__exact", "owner__email__iexact", "line__order__number__exact"]
    search_help_text = "A voucher's id or whole code, its owner's e-mail, its order's number"
    ordering = ["-id"]
    inlines = [GiftInline, RedemptionInline]
    fields = [
        "public_id", "offer", "merchant", "owner", "line", "unit_no", "value", "state", "uses", "valid_from",
        "expires_at", "created_at",
    ]  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Voucher], search_term: str
    ) -> tuple[QuerySet[Voucher], bool]:
        if code := parse_code(search_term):
            return queryset.filter(code=code), False
        found: tuple[QuerySet[Voucher], bool] = super().get_search_results(request, queryset, search_term)
        return found

    def view_on_site(self, obj: Voucher) -> str:
        return page_path(obj)

    @admin.display(description="value", ordering="value_minor")
    def value(self, voucher: Voucher) -> str:
        return format_money(voucher.value_minor, voucher.currency)

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, voucher: Voucher) -> str:
        return voucher.get_state_display()

    @admin.display(description="uses")
    def uses(self, voucher: Voucher) -> str:
        return f"{voucher.uses_done} of {voucher.uses_total}"
