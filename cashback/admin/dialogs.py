"""Dialogs that decisions are made in, and what follows on them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminTextInputWidget,
)

from coupon_site.errors import DomainError
from coupon_site.money import exponent_of, parse_minor


class RemarkForm(BaseDialogForm):
    reason = forms.CharField(required=False, max_length=200, label="Remark", widget=UnfoldAdminTextInputWidget)


class ReasonForm(BaseDialogForm):
    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Goes into the history")


class AmountField(forms.DecimalField):
    """An amount as people write it; in JSON and in the database it is minor units."""

    widget = UnfoldAdminDecimalFieldWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=14, decimal_places=3, **options)


class AmendForm(ReasonForm):
    amount = AmountField(min_value=0, help_text="What it is worth from now on, in its own currency, as 12.50")

    field_order = ["amount", "reason"]


class MoneyForm(BaseDialogForm):
    """An amount in a currency. `key` makes the form the same when it is sent twice."""

    amount = AmountField(help_text="As 12.50")
    currency = forms.RegexField(r"^[A-Z]{3}$", initial="GBP", widget=UnfoldAdminTextInputWidget)
    key = forms.UUIDField(initial=uuid4, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """With `amount_minor`."""
        data = super().clean() or {}
        amount, currency = data.get("amount"), data.get("currency")
        if amount is not None and currency:
            if is_too_fine(amount, currency):
                self.add_error("amount", f"{currency} has no such fractions.")
            data["amount_minor"] = parse_minor(amount, currency)
        return data


def is_too_fine(amount: Decimal, currency: str) -> bool:
    """Whether an amount has more decimals than its currency."""
    return bool(amount.scaleb(exponent_of(currency)) % 1)


class AdjustForm(MoneyForm):
    amount = AmountField(help_text="As 12.50; below zero takes money out of the wallet")
    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Goes into the history")

    field_order = ["amount", "currency", "reason"]

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if not amount:
            raise forms.ValidationError("An adjustment changes something.")
        return amount


class PayoutForm(MoneyForm):
    amount = AmountField(min_value=0, help_text="As 12.50")
    destination = forms.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9 .:_@/-]{3,79}$",
        widget=UnfoldAdminTextInputWidget,
        help_text="The bank account that gets the money",
    )


def dialog(title: str, description: str, form: type[BaseDialogForm]) -> dict[str, Any]:
    return {"title": title, "description": description, "form_class": form, "form_submit_text": title}


def decide(
    admin: ModelAdmin, request: HttpRequest, object_id: str, act: Callable[[], object], done: str
) -> HttpResponse:
    """Do it, say how it went, and go back to the row's page."""
    try:
        act()
    except DomainError as error:
        admin.message_user(request, str(error), messages.ERROR)
    else:
        admin.message_user(request, done, messages.SUCCESS)
    name = f"admin:{admin.opts.app_label}_{admin.opts.model_name}_change"
    return HttpResponse(headers={"HX-Redirect": reverse(name, args=[object_id])})
