"""Sales and their stock."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import F, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from coupon_site.admin import asks_first
from coupon_site.errors import DomainError
from coupon_site.money import format_money
from orders.models import FlashSale, SalePhase, SaleStock
from orders.services import add_stock, close_sale, open_sale

PHASE_COLOURS = {SalePhase.LIVE.label: "success", SalePhase.UPCOMING.label: "info", SalePhase.ENDED.label: "warning"}


class NewSaleForm(forms.ModelForm[FlashSale]):
    """A sale, how many units it has and how they lie."""

    stock = forms.IntegerField(min_value=1, max_value=10_000_000, initial=100, widget=UnfoldAdminIntegerFieldWidget)
    buckets = forms.IntegerField(
        min_value=1,
        max_value=64,
        initial=1,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="A crowd at a hot sale waits less when its units lie in several; one order line is taken from one",
    )


class SaleForm(forms.ModelForm[FlashSale]):
    """What may still change once a sale exists."""

    more_units = forms.IntegerField(
        min_value=-10_000_000,
        max_value=10_000_000,
        initial=0,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Units to add; a negative number takes free units away",
    )


class StockInline(TabularInline):
    model = SaleStock
    fields = ["bucket", "total", "reserved", "sold", "available"]
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(FlashSale)
class FlashSaleAdmin(ModelAdmin):
    list_display = ["title", "merchant", "shown_phase", "price", "left", "sold", "starts_at", "ends_at"]
    list_filter = ["starts_at", "ends_at"]
    search_fields = ["title", "offer__merchant__name"]
    autocomplete_fields = ["offer"]
    ordering = ["-id"]
    actions = ["close"]
    inlines = [StockInline]
    terms = ["offer", "title", "starts_at", "ends_at", "price_minor", "per_buyer_limit"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FlashSale]:
        sales: QuerySet[FlashSale] = super().get_queryset(request)
        left = F("stock__total") - F("stock__reserved") - F("stock__sold")
        return sales.select_related("offer__merchant").annotate(left_units=Sum(left), sold_units=Sum("stock__sold"))

    def get_form(self, request: HttpRequest, obj: FlashSale | None = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002  Django's signature
        return super().get_form(request, obj, change, **{**kwargs, "form": SaleForm if obj else NewSaleForm})

    def get_fields(self, request: HttpRequest, obj: FlashSale | None = None) -> list[str]:
        return [*self.terms, "closed_at", "more_units"] if obj else [*self.terms, "stock", "buckets"]

    def get_readonly_fields(self, request: HttpRequest, obj: FlashSale | None = None) -> list[str]:
        return [*self.terms, "closed_at"] if obj else []  # buyers have seen these terms

    def get_inlines(self, request: HttpRequest, obj: FlashSale | None) -> Any:
        return self.inlines if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: FlashSale | None = None) -> bool:
        return False  # orders point here: close it

    def save_model(self, request: HttpRequest, obj: FlashSale, form: forms.ModelForm[FlashSale], change: bool) -> None:  # noqa: FBT001  Django's signature
        if not change:
            obj.pk = open_sale(**form.cleaned_data).pk
            return
        try:
            add_stock(sale=obj, quantity=form.cleaned_data["more_units"])
        except DomainError as error:
            self.message_user(request, f"The stock was not changed: {error}", messages.ERROR)

    @admin.action(description="Close selected sales now", permissions=["change"])
    @asks_first("Nobody can buy any more; a sale that is closed is not opened again.")
    def close(self, request: HttpRequest, queryset: QuerySet[FlashSale]) -> None:
        for sale in queryset:
            try:
                close_sale(sale=sale, at=timezone.now())
            except DomainError as error:
                self.message_user(request, f"{sale}: {error}", messages.ERROR)

    @admin.display(description="merchant")
    def merchant(self, sale: FlashSale) -> str:
        return str(sale.offer.merchant)

    @display(description="phase", label=PHASE_COLOURS)  # type: ignore[untyped-decorator]  # unfold ships no types
    def shown_phase(self, sale: FlashSale) -> str:
        return str(sale.phase(timezone.now()).label)

    @admin.display(description="price", ordering="price_minor")
    def price(self, sale: FlashSale) -> str:
        return format_money(sale.price_minor, sale.offer.currency)

    @admin.display(description="left", ordering="left_units")
    def left(self, sale: Any) -> int | None:
        units: int | None = sale.left_units
        return units

    @admin.display(description="sold", ordering="sold_units")
    def sold(self, sale: Any) -> int | None:
        units: int | None = sale.sold_units
        return units
