"""Payments, refunds and webhooks, to look at; refunds that failed can be sent again or given up."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from accounts.models import User
from coupon_site.admin import ReadOnly, StateHistory
from coupon_site.errors import DomainError
from coupon_site.money import format_money
from payments.models import Payment, Refund, WebhookReceipt
from payments.services import cancel_refund, retry_refund


class RefundInline(ReadOnly, TabularInline):
    model = Refund
    fields = ["public_id", "amount_minor", "state", "reason", "failure_code", "created_at", "done_at"]
    readonly_fields = fields
    extra = 0
    ordering = ["-id"]


@admin.register(Payment)
class PaymentAdmin(ReadOnly, StateHistory):
    list_display = ["public_id", "reference", "payer", "amount", "state", "provider", "method", "created_at"]
    list_filter = ["state", "provider"]
    list_select_related = ["payer"]
    search_fields = ["public_id__exact", "reference__exact", "provider_ref__exact", "payer__email__iexact"]
    ordering = ["-id"]
    inlines = [RefundInline]
    readonly_fields = ["public_id", "created_at"]

    @admin.display(description="amount")
    def amount(self, payment: Payment) -> str:
        return format_money(payment.amount_minor, payment.currency)


@admin.register(Refund)
class RefundAdmin(ReadOnly, StateHistory):
    list_display = ["public_id", "amount", "state", "reason", "failure_code", "requested_by", "created_at"]
    list_filter = ["state"]
    list_select_related = ["payment", "requested_by"]
    search_fields = ["public_id__exact", "payment__public_id__exact", "payment__reference__exact"]
    ordering = ["-id"]
    actions = ["retry", "give_up"]
    readonly_fields = ["public_id", "created_at"]

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.change_refund")

    @admin.display(description="amount")
    def amount(self, refund: Refund) -> str:
        return format_money(refund.amount_minor, refund.payment.currency)

    @admin.action(description="Send selected failed refunds again", permissions=["resolve"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        for refund in queryset:
            self.attempt(request, refund, give_up=False)

    @admin.action(description="Give up selected failed refunds", permissions=["resolve"])
    def give_up(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        for refund in queryset:
            self.attempt(request, refund, give_up=True)

    def attempt(self, request: HttpRequest, refund: Refund, *, give_up: bool) -> None:
        """One refund; what is refused is shown and stops none of the others."""
        assert isinstance(request.user, User)  # noqa: S101  the admin admits nobody else
        service = cancel_refund if give_up else retry_refund
        try:
            service(refund=refund, actor=request.user)
        except DomainError as error:
            self.message_user(request, f"{refund}: {error}", messages.ERROR)


@admin.register(WebhookReceipt)
class WebhookReceiptAdmin(ReadOnly, ModelAdmin):
    list_display = ["event_id", "provider", "event_type", "outcome", "copies", "received_at"]
    list_filter = ["provider", "outcome"]
    search_fields = ["event_id__exact"]
    ordering = ["-id"]
