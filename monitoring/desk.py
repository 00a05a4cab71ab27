"""The admin's front: the sidebar in the order of the work, and what waits for an operator."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst

GROUPS = {
    "Selling": ["orders.order", "orders.flashsale", "orders.offer", "orders.merchant"],
    "Vouchers": ["vouchers.voucher", "vouchers.gift", "vouchers.redemption", "vouchers.scannerdevice"],
    "Payments": ["payments.payment", "payments.refund", "payments.dispute", "payments.webhookreceipt"],
    "Cashback": [
        "cashback.cashbackevent",
        "cashback.cashbackrule",
        "cashback.wallet",
        "cashback.payout",
        "cashback.account",
        "cashback.transfer",
    ],
    "Networks": [
        "cashback.importjob",
        "cashback.conversion",
        "cashback.network",
        "cashback.mappingprofile",
        "cashback.buyerreference",
    ],
    "Flags": ["flags.flag", "flags.plannedchange", "flags.segment", "flags.namespacegrant"],
    "Events": [
        "events.webhookendpoint",
        "events.webhookdelivery",
        "events.outboxmessage",
        "events.outboxevent",
        "events.outboxchannel",
    ],
    "Monitoring": ["monitoring.alert", "monitoring.deployment"],
    "People": ["accounts.user", "auth.group", "accounts.apitoken"],
}


@dataclass(frozen=True, kw_only=True)
class Concern:
    """Rows that wait until somebody decides."""

    title: str
    model: str
    state: str | int
    field: str = "state"

    @property
    def table(self) -> type[Model]:
        return apps.get_model(self.model)

    @property
    def link(self) -> str:
        return f"{list_of(self.table)}?{urlencode({f'{self.field}__exact': self.state})}"

    def count(self) -> int:
        """How many, as few as they should be: a partial index or a small table answers."""
        return self.table._default_manager.filter(**{self.field: self.state}).count()


CONCERNS = [
    Concern(title="Alerts that fire", model="monitoring.alert", state="firing"),
    Concern(title="Cashback to approve", model="cashback.cashbackevent", state="pending"),
    Concern(title="Cashback held for review", model="cashback.cashbackevent", state="held"),
    Concern(title="Payouts to approve", model="cashback.payout", state="requested"),
    Concern(title="Payouts that failed", model="cashback.payout", state="failed"),
    Concern(title="Refunds that failed", model="payments.refund", state="failed"),
    Concern(title="Disputes to answer", model="payments.dispute", state="open"),
    Concern(title="Flag changes to approve", model="flags.plannedchange", state="proposed"),
    Concern(title="Imports to look over and start", model="cashback.importjob", state="previewed"),
    Concern(title="Imports that failed", model="cashback.importjob", state="failed"),
    Concern(title="Webhook endpoints switched off", model="events.webhookendpoint", state="disabled"),
    Concern(title="Messages given up", model="events.outboxmessage", state="dead"),
    Concern(title="Events given up", model="events.outboxevent", state=3, field="status"),
    Concern(title="Webhooks given up", model="events.webhookdelivery", state="failed"),
]


def list_of(table: type[Model]) -> str:
    return reverse(f"admin:{table._meta.app_label}_{table._meta.model_name}_changelist")


def may_see(request: HttpRequest, table: type[Model]) -> bool:
    return admin.site.get_model_admin(table).has_view_permission(request)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups of links, without what the reader may not see."""
    desk = [
        {"title": "Live dashboard", "link": reverse("dashboard"), "active": False},
        {
            "title": "Reconciliation",
            "link": reverse("reconciliation-page"),
            "permission": lambda request: request.user.has_perm("monitoring.view_reconciliation"),
        },
    ]
    groups: list[dict[str, Any]] = [{"items": desk}]
    for title, labels in GROUPS.items():
        tables = [apps.get_model(label) for label in labels]
        items = [
            {"title": capfirst(table._meta.verbose_name_plural), "link": list_of(table)}
            for table in tables
            if may_see(request, table)
        ]
        groups.append({"title": title, "items": items})
    return groups


def front_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The index with what waits, of what the reader may see."""
    concerns = [(concern, concern.count()) for concern in CONCERNS if may_see(request, concern.table)]
    return {**context, "concerns": concerns, "waiting": sum(count for _, count in concerns)}
