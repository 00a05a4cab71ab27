"""The ledger, to look at."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from cashback.models import Account, Transfer
from cashback.queries import platform_balance
from coupon_site.admin import ReadOnly
from coupon_site.money import format_money


@admin.register(Account)
class AccountAdmin(ReadOnly, ModelAdmin):
    list_display = ["__str__", "balance", "floor_minor"]
    list_filter = ["kind", "currency"]
    list_select_related = ["owner"]
    search_fields = ["owner__email", "public_id"]
    ordering = ["-id"]
    fields = ["public_id", "owner", "kind", "currency", "balance", "floor_minor"]

    @admin.display(description="balance", ordering="balance_minor")
    def balance(self, account: Account) -> str:
        """The platform's accounts keep none: it is summed up."""
        if account.is_platform:
            return format_money(platform_balance(kind=account.kind, currency=account.currency), account.currency)
        return format_money(account.balance_minor or 0, account.currency)


@admin.register(Transfer)
class TransferAdmin(ReadOnly, ModelAdmin):
    list_display = ["created_at", "reason", "amount", "debit", "credit", "source_type", "source_id"]
    list_select_related = ["debit__owner", "credit__owner"]
    search_fields = ["public_id", "source_id", "debit__owner__email", "credit__owner__email"]
    ordering = ["-id"]

    @admin.display(description="amount", ordering="amount_minor")
    def amount(self, transfer: Transfer) -> str:
        return format_money(transfer.amount_minor, transfer.debit.currency)
