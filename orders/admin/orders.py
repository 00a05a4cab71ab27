"""Orders: to look at, to call off, to refund."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import action, display

from accounts.models import User
from coupon_site.admin import ReadOnly, StateHistory, asks_first, row_or_404
from coupon_site.errors import DomainError
from coupon_site.money import format_money
from orders.admin.refunding import DIALOG, RefundForm
from orders.models import Order, OrderLine, OrderState
from orders.services import cancel_order, refund_order
from payments.queries import payments_of

STATE_COLOURS = {
    OrderState.RESERVED.label: "info",
    OrderState.PAID.label: "primary",
    OrderState.FULFILLED.label: "success",
    OrderState.EXPIRED.label: "warning",
    OrderState.CANCELLED.label: "warning",
    OrderState.REFUNDED.label: "danger",
}


class LineInline(ReadOnly, TabularInline):
    model = OrderLine
    fields = ["title", "sale", "quantity", "unit", "discount", "line_total", "hold"]
    readonly_fields = ["unit", "discount", "line_total", "hold"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderLine]:
        lines: QuerySet[OrderLine] = super().get_queryset(request)
        return lines.select_related("hold", "sale__offer", "order")

    @admin.display
    def unit(self, line: OrderLine) -> str:
        return format_money(line.unit_minor, line.order.currency)

    @admin.display
    def discount(self, line: OrderLine) -> str:
        return format_money(line.discount_minor, line.order.currency)

    @admin.display
    def line_total(self, line: OrderLine) -> str:
        return format_money(line.line_total_minor, line.order.currency)


@admin.register(Order)
class OrderAdmin(ReadOnly, StateHistory):
    list_display = ["number", "buyer", "total", "shown_state", "created_at", "expires_at", "paid_at", "fulfilled_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["buyer"]
    search_fields = ["number__iexact", "public_id__exact", "buyer__email__iexact"]
    search_help_text = "An order's number or id, its buyer's e-mail"
    ordering = ["-id"]
    actions = ["cancel_selected", "refund_selected"]
    actions_detail = ["refund_amount"]
    inlines = [LineInline]
    fields = [
        "number", "public_id", "buyer", "state", "total", "refunded", "payment_method", "created_at", "expires_at",
        "paid_at", "fulfilled_at", "payments",
    ]  # fmt: skip
    readonly_fields = fields

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order")

    def has_refund_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("payments.add_refund")

    @admin.action(description="Cancel selected unpaid orders", permissions=["cancel"])
    @asks_first("The buyers can no longer pay them; what they held goes back to the sales.")
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        # One by one: update() would skip the rules and the events.
        for order in queryset:
            try:
                cancel_order(order=order, actor=cast(User, request.user), reason="cancelled in the admin")
            except DomainError as error:
                self.message_user(request, f"{order.number}: {error}", messages.ERROR)

    @admin.action(description="Refund what is left of selected paid orders", permissions=["refund"])
    @asks_first("The money goes back to the buyers, and their vouchers end.")
    def refund_selected(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset:
            try:
                refund_order(order=order, actor=cast(User, request.user), reason="refunded in the admin")
            except DomainError as error:
                self.message_user(request, f"{order.number}: {error}", messages.ERROR)

    @action(  # type: ignore[untyped-decorator]  # unfold has no types
        description="Refund", permissions=["refund"], icon="currency_exchange", dialog=DIALOG
    )
    def refund_amount(self, request: HttpRequest, form: RefundForm, object_id: str) -> HttpResponse:
        """A chosen part of the order's money."""
        asked = form.cleaned_data
        try:
            refund_order(
                order=form.order,
                actor=cast(User, request.user),
                amount_minor=asked["amount"],
                reason=asked["reason"],
                key=f"admin:{asked['key']}",
            )
        except DomainError as error:
            self.message_user(request, f"{form.order.number}: {error}", messages.ERROR)
        return HttpResponse(headers={"HX-Redirect": reverse("admin:orders_order_change", args=[object_id])})

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Nothing to refund, no button."""
        payment = row_or_404(Order.objects.select_related("paid_by"), object_id).paid_by
        offered = super().get_actions_detail(request, object_id)
        return offered if payment is not None and payment.refundable_minor else []

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, order: Order) -> str:
        return order.get_state_display()

    @admin.display(description="total", ordering="total_minor")
    def total(self, order: Order) -> str:
        return format_money(order.total_minor, order.currency)

    @admin.display(description="refunded")
    def refunded(self, order: Order) -> str:
        return format_money(order.refunded_minor, order.currency)

    @admin.display(description="payments")
    def payments(self, order: Order) -> SafeString | str:
        rows = (
            (reverse("admin:payments_payment_change", args=[payment.pk]), payment)
            for payment in payments_of(order.public_id)
        )
        return format_html_join("", '<div><a href="{}">{}</a></div>', rows) or "none yet"
