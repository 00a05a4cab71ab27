"""Payments: to look at, to capture, to let go, to ask the provider for."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.models import User
from coupon_site.admin import ReadOnly, StateHistory, asks_first, row_or_404
from coupon_site.errors import DomainError
from coupon_site.money import format_money
from payments.admin.disputes import DisputeInline
from payments.admin.refunds import RefundInline
from payments.models import Payment, PaymentState
from payments.services import capture_payment, refresh_payment, void_payment

STATE_COLOURS = {
    PaymentState.CREATED.label: "info",
    PaymentState.PENDING.label: "info",
    PaymentState.AUTHORIZED.label: "primary",
    PaymentState.CAPTURED.label: "success",
    PaymentState.PARTLY_REFUNDED.label: "warning",
    PaymentState.REFUNDED.label: "warning",
    PaymentState.DISPUTED.label: "danger",
    PaymentState.CHARGED_BACK.label: "danger",
    PaymentState.FAILED.label: "danger",
    PaymentState.CANCELLED.label: "warning",
}
Act = Callable[[HttpRequest, Payment, str], object]


class DecisionForm(BaseDialogForm):
    reason = forms.CharField(max_length=200, required=False, widget=UnfoldAdminTextInputWidget)


def dialog(title: str, description: str) -> dict[str, Any]:
    return {"title": title, "description": description, "form_class": DecisionForm, "form_submit_text": title}


CAPTURE = dialog("Capture", "The money is taken, and the order is paid.")
VOID = dialog("Void", "The payment is let go; no money is taken.")


def capture(request: HttpRequest, payment: Payment, reason: str) -> None:
    capture_payment(payment=payment, actor=cast(User, request.user), reason=reason)


def void(request: HttpRequest, payment: Payment, reason: str) -> None:
    void_payment(payment=payment, actor=cast(User, request.user), reason=reason)


def poll(request: HttpRequest, payment: Payment, reason: str) -> None:
    refresh_payment(payment=payment, at=timezone.now())


@admin.register(Payment)
class PaymentAdmin(ReadOnly, StateHistory):
    list_display = ["created_at", "payer", "amount", "refunded", "shown_state", "method", "provider"]
    list_filter = ["state", "provider", "capture", "decision", "currency", "created_at"]
    list_select_related = ["payer"]
    search_fields = ["public_id__exact", "reference__exact", "provider_ref__exact", "payer__email__iexact"]
    search_help_text = "A payment's id, what it pays for, the provider's id, the payer's e-mail"
    ordering = ["-id"]
    inlines = [RefundInline, DisputeInline]
    actions = ["capture_selected", "void_selected", "poll_selected"]
    actions_detail = ["capture_one", "void_one", "poll_one"]
    fieldsets = [
        (None, {"fields": ["public_id", "reference", "payer", "state", "failure_code"]}),
        ("Money", {"fields": ["amount", "captured", "refunding", "refunded"]}),
        ("At the provider", {"fields": ["provider", "provider_ref", "method", "capture", "decision"]}),
        ("Times", {"fields": ["created_at", "authorized_at", "captured_at", "polls", "poll_at"]}),
    ]
    readonly_fields = [field for _, part in fieldsets for field in part["fields"]]

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("payments.change_payment")

    @admin.action(description="Capture selected authorised payments", permissions=["decide"])
    def capture_selected(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        self.each(request, queryset, capture)

    @admin.action(description="Let selected payments go that took no money yet", permissions=["decide"])
    @asks_first("The buyers' money is let go: it can no longer be captured.")
    def void_selected(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        self.each(request, queryset, void)

    @admin.action(description="Ask the provider for selected payments now", permissions=["decide"])
    def poll_selected(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        self.each(request, queryset, poll)

    @action(description="Capture", permissions=["decide"], icon="payments", dialog=CAPTURE)  # type: ignore[untyped-decorator]  # no types
    def capture_one(self, request: HttpRequest, form: DecisionForm, object_id: str) -> HttpResponse:
        return self.decide(request, form, object_id, capture)

    @action(description="Void", permissions=["decide"], icon="money_off", dialog=VOID)  # type: ignore[untyped-decorator]  # no types
    def void_one(self, request: HttpRequest, form: DecisionForm, object_id: str) -> HttpResponse:
        return self.decide(request, form, object_id, void)

    @action(description="Ask the provider", permissions=["decide"], icon="sync")  # type: ignore[untyped-decorator]  # no types
    def poll_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        self.each(request, [row_or_404(Payment.objects.all(), object_id)], poll)
        return HttpResponseRedirect(reverse("admin:payments_payment_change", args=[object_id]))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What makes sense now."""
        payment = row_or_404(Payment.objects.all(), object_id)
        hidden = set()
        if payment.decision or payment.state != PaymentState.AUTHORIZED:
            hidden.add("payments_payment_capture_one")
        if payment.decision or not payment.is_open:
            hidden.add("payments_payment_void_one")
        return [each for each in super().get_actions_detail(request, object_id) if each.action_name not in hidden]

    def decide(self, request: HttpRequest, form: DecisionForm, object_id: str, act: Act) -> HttpResponse:
        self.each(request, [row_or_404(Payment.objects.all(), object_id)], act, reason=form.cleaned_data["reason"])
        return HttpResponse(headers={"HX-Redirect": reverse("admin:payments_payment_change", args=[object_id])})

    def each(self, request: HttpRequest, payments: Iterable[Payment], act: Act, reason: str = "") -> None:
        """One by one; what is refused is shown and stops none of the others."""
        for payment in payments:
            try:
                act(request, payment, reason or "in the admin")
            except DomainError as error:
                self.message_user(request, f"{payment}: {error}", messages.ERROR)

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, payment: Payment) -> str:
        return payment.get_state_display()

    @admin.display(description="amount", ordering="amount_minor")
    def amount(self, payment: Payment) -> str:
        return format_money(payment.amount_minor, payment.currency)

    @admin.display(description="captured", ordering="captured_minor")
    def captured(self, payment: Payment) -> str:
        return format_money(payment.captured_minor, payment.currency)

    @admin.display(description="on its way back")
    def refunding(self, payment: Payment) -> str:
        return format_money(payment.refunding_minor, payment.currency)

    @admin.display(description="refunded", ordering="refunded_minor")
    def refunded(self, payment: Payment) -> str:
        return format_money(payment.refunded_minor, payment.currency)
