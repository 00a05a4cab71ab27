"""Merchants and offers."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from coupon_site.money import format_money
from orders.models import Merchant, Offer
from orders.services import create_merchant, create_offer, set_members, update_merchant, update_offer


def changed(form: forms.ModelForm[Any]) -> dict[str, Any]:
    """The fields that somebody has changed."""
    return {name: form.cleaned_data[name] for name in form.changed_data}


@admin.register(Merchant)
class MerchantAdmin(ModelAdmin):
    list_display = ["name", "timezone", "created_at"]
    search_fields = ["name"]
    ordering = ["name"]
    fields = ["name", "timezone", "members"]
    autocomplete_fields = ["members"]

    def has_delete_permission(self, request: HttpRequest, obj: Merchant | None = None) -> bool:
        return False  # offers, vouchers and orders point here

    def save_model(self, request: HttpRequest, obj: Merchant, form: forms.ModelForm[Merchant], change: bool) -> None:  # noqa: FBT001  Django's signature
        fields = {name: value for name, value in changed(form).items() if name != "members"}
        if change:
            update_merchant(merchant=obj, **fields)
        else:
            obj.pk = create_merchant(name=obj.name, timezone=obj.timezone).pk
            obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: forms.ModelForm[Merchant], formsets: Any, change: bool) -> None:  # noqa: FBT001  Django's signature
        set_members(merchant=form.instance, members=form.cleaned_data["members"])


class OfferForm(forms.ModelForm[Offer]):
    """A new offer comes with the stock of its ordinary sale."""

    stock = forms.IntegerField(
        min_value=0,
        max_value=10_000_000,
        initial=1000,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Units for sale outside of flash sales; 0: in flash sales only",
    )
    per_buyer_limit = forms.IntegerField(
        min_value=1,
        max_value=1_000_000,
        initial=10,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="What one buyer may have of them",
    )


@admin.register(Offer)
class OfferAdmin(ModelAdmin):
    list_display = ["title", "merchant", "value", "price", "cashback", "is_published", "created_at"]
    list_filter = ["is_published", "gift_policy", "currency"]
    list_select_related = ["merchant"]
    search_fields = ["title", "merchant__name"]
    autocomplete_fields = ["merchant"]
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["merchant", "title", "description", "is_published"]}),
        ("Money, in minor units", {"fields": ["value_minor", "price_minor", "currency", "cashback_basis_points"]}),
        ("Vouchers", {"fields": ["valid_from", "valid_days", "last_date", "uses_per_voucher"]}),
        ("Rules", {"fields": ["gift_policy", "void_window_seconds"]}),
    ]

    def has_delete_permission(self, request: HttpRequest, obj: Offer | None = None) -> bool:
        return False  # sales and vouchers point here: unpublish it

    def get_form(self, request: HttpRequest, obj: Offer | None = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002  Django's signature
        return super().get_form(request, obj, change, **kwargs if obj else {**kwargs, "form": OfferForm})

    def get_fieldsets(self, request: HttpRequest, obj: Offer | None = None) -> Any:
        stock = ("Ordinary sale", {"fields": ["stock", "per_buyer_limit"]})
        return self.fieldsets if obj else [*self.fieldsets, stock]

    def get_readonly_fields(self, request: HttpRequest, obj: Offer | None = None) -> list[str]:
        return ["merchant", "currency"] if obj else []  # what is sold already was sold on these

    def save_model(self, request: HttpRequest, obj: Offer, form: forms.ModelForm[Offer], change: bool) -> None:  # noqa: FBT001  Django's signature
        if change:
            update_offer(offer=obj, **changed(form))
        else:
            obj.pk = create_offer(at=timezone.now(), **form.cleaned_data).pk

    @admin.display(description="value", ordering="value_minor")
    def value(self, offer: Offer) -> str:
        return format_money(offer.value_minor, offer.currency)

    @admin.display(description="price", ordering="price_minor")
    def price(self, offer: Offer) -> str:
        return format_money(offer.price_minor, offer.currency)

    @admin.display(description="cashback", ordering="cashback_basis_points")
    def cashback(self, offer: Offer) -> str:
        return f"{offer.cashback_basis_points / 100:g} %"
