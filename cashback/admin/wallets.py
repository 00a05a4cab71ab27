"""Customers' wallets: balances, what led to them, adjustments."""

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import action

from accounts.models import User
from cashback.admin.dialogs import AdjustForm, PayoutForm, decide, dialog
from cashback.models import Account, Payout, Transfer, TransferKind, Wallet
from cashback.queries import Totals, balances_of, totals, transfers_of
from cashback.services import adjust_wallet, request_payout
from coupon_site.admin import ReadOnly, row_or_404
from coupon_site.models import StateChange
from coupon_site.money import format_money

LATEST = 50
Table = dict[str, list[Any]]


@admin.register(Wallet)
class WalletAdmin(ReadOnly, ModelAdmin):
    list_display = ["email", "name", "pending", "available"]
    search_fields = ["email", "name", "public_id"]
    ordering = ["email"]
    fields = ["email", "name", "public_id"]
    actions_detail = ["adjust", "pay_out"]
    list_before_template = "cashback/wallet_totals.html"
    change_form_after_template = "cashback/wallet.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Wallet]:
        wallets: QuerySet[Wallet] = super().get_queryset(request)
        return wallets.filter(Exists(Account.objects.filter(owner=OuterRef("pk")))).prefetch_related("accounts")

    def has_adjust_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("cashback.adjust_wallet")

    def has_payout_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("cashback.add_payout")

    @admin.display(description="pending")
    def pending(self, wallet: Wallet) -> str:
        return in_all_currencies(wallet, "pending")

    @admin.display(description="available")
    def available(self, wallet: Wallet) -> str:
        return in_all_currencies(wallet, "available")

    @action(  # type: ignore[untyped-decorator]  # unfold has no types
        description="Adjust",
        permissions=["adjust"],
        icon="edit",
        dialog=dialog("Adjust", "Gives the customer money that can be spent at once, or takes it.", AdjustForm),
    )
    def adjust(self, request: HttpRequest, form: AdjustForm, object_id: str) -> HttpResponse:
        asked = {name: form.cleaned_data[name] for name in ("amount_minor", "currency", "reason", "key")}
        owner = row_or_404(User.objects.all(), object_id)
        return decide(
            self,
            request,
            object_id,
            lambda: adjust_wallet(owner=owner, actor=cast(User, request.user), **asked),
            f"Adjusted by {format_money(asked['amount_minor'], asked['currency'])}.",
        )

    @action(  # type: ignore[untyped-decorator]  # as above
        description="Pay out",
        permissions=["payout"],
        icon="payments",
        dialog=dialog("Pay out", "Sets money aside; somebody else approves it.", PayoutForm),
    )
    def pay_out(self, request: HttpRequest, form: PayoutForm, object_id: str) -> HttpResponse:
        asked = {name: form.cleaned_data[name] for name in ("amount_minor", "currency", "destination")}
        buyer = row_or_404(User.objects.all(), object_id)
        key = f"admin:{form.cleaned_data['key']}"
        return decide(
            self,
            request,
            object_id,
            lambda: request_payout(buyer=buyer, actor=cast(User, request.user), key=key, at=timezone.now(), **asked),
            "Set aside: somebody else approves it.",
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {**(extra_context or {}), "totals": totals_table(totals())}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        owner = self.get_object(request, object_id)
        tables = {} if owner is None else tables_of(owner)
        response: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **tables})
        return response


def in_all_currencies(wallet: Wallet, kind: str) -> str:
    accounts = sorted(wallet.accounts.all(), key=lambda account: account.currency)
    return ", ".join(
        format_money(account.balance_minor or 0, account.currency) for account in accounts if account.kind == kind
    )


def totals_table(rows: list[Totals]) -> Table:
    """What all wallets come to, by currency."""
    return {
        "headers": ["Currency", "Pending", "Available", "Owed to us", "On its way out"],
        "rows": [
            [
                row.currency,
                *(
                    format_money(minor, row.currency)
                    for minor in (row.pending_minor, row.available_minor, row.debt_minor, row.clearing_minor)
                ),
            ]
            for row in rows
        ],
    }


def tables_of(owner: User) -> dict[str, Table]:
    """Balances, payouts and the latest transfers of one wallet."""
    return {
        "balances": {
            "headers": ["Currency", "Pending", "Available", "Owed"],
            "rows": [
                [
                    balance.currency,
                    *(
                        format_money(minor, balance.currency)
                        for minor in (balance.pending_minor, balance.available_minor, balance.debt_minor)
                    ),
                ]
                for balance in balances_of(owner)
            ],
        },
        "payouts": {
            "headers": ["Requested", "Amount", "To", "State"],
            "rows": [
                [
                    f"{payout.requested_at:%Y-%m-%d %H:%M:%S} UTC",
                    format_money(payout.amount_minor, payout.currency),
                    payout.destination,
                    payout.get_state_display(),
                ]
                for payout in Payout.objects.filter(buyer=owner).order_by("-id")[:LATEST]
            ],
        },
        "transfers": {
            "headers": ["When", "What", "From", "To", "Amount", "Cause"],
            "rows": transfer_rows(transfers_of(owner)[:LATEST]),
        },
    }


def transfer_rows(transfers: Iterable[Transfer]) -> list[list[str]]:
    """Transfers as people read them: an adjustment says who made it, and why."""
    rows = list(transfers)
    notes = StateChange.objects.filter(object_id__in=[row.public_id for row in rows]).select_related("actor")
    said = {note.object_id: f"{note.reason} ({note.actor})" for note in notes}
    return [
        [
            f"{row.created_at:%Y-%m-%d %H:%M:%S} UTC",
            TransferKind(row.kind).label,
            row.debit.get_kind_display(),
            row.credit.get_kind_display(),
            format_money(row.amount_minor, row.debit.currency),
            said.get(row.public_id) or f"{row.source_type} {row.source_id}",
        ]
        for row in rows
    ]
