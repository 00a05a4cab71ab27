"""The question for how much of an order's money goes back."""

from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpRequest
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from coupon_site.admin import row_or_404
from coupon_site.money import format_money, parse_minor
from orders.models import Order


class RefundForm(BaseDialogForm):
    """An amount in the order's currency; `key` is made with the form, so that pressing twice is one refund."""

    amount = forms.CharField(max_length=30, widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}))
    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget)
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, request: HttpRequest, object_id: int | str | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        self.order = row_or_404(Order.objects.select_related("paid_by"), object_id)
        payment = self.order.paid_by
        self.left_minor = payment.refundable_minor if payment else 0
        self.fields["key"].initial = uuid4()
        left = format_money(self.left_minor, self.order.currency)
        self.fields["amount"].help_text = f"{left} is left; with the last of it the order is undone."

    def clean_amount(self) -> int:
        """Minor units."""
        try:
            amount = parse_minor(self.cleaned_data["amount"].replace(",", ""), self.order.currency)
        except ValueError as error:
            raise forms.ValidationError("Write it like 12.50.") from error
        if not 1 <= amount <= self.left_minor:
            raise forms.ValidationError("More than nothing, and not more than is left.")
        return amount


DIALOG = {
    "title": "Refund",
    "description": "A part of what was paid, or all of it.",
    "form_class": RefundForm,
    "form_submit_text": "Refund",
}
