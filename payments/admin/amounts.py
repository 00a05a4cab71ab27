"""How rows of a payment show their money."""

from typing import Protocol

from django.contrib import admin

from coupon_site.money import format_money
from payments.models import Payment


class HasAmount(Protocol):
    """A part of a payment's money, such as a refund."""

    amount_minor: int
    payment: Payment


class ShowsAmount:
    """A column `amount`, in the payment's currency."""

    @admin.display(description="amount", ordering="amount_minor")
    def amount(self, row: HasAmount) -> str:
        return format_money(row.amount_minor, row.payment.currency)
