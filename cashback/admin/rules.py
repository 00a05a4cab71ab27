"""What purchases give back, and since when."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from cashback.admin.networks import SavesWhatChanged
from cashback.models import CashbackRule

FORCE = {"In force": "success", "Not yet": "info", "Over": "warning"}


@admin.register(CashbackRule)
class CashbackRuleAdmin(SavesWhatChanged):
    """Purchases keep the rate they got: a change is for later ones. A rule that was used is ended, not removed."""

    list_display = ["name", "scope", "rate", "hold_days", "valid_from", "valid_until", "force"]
    list_filter = ["network", "valid_from"]
    list_select_related = ["network", "offer"]
    search_fields = ["name", "offer__title", "category"]
    ordering = ["-valid_from", "-id"]
    autocomplete_fields = ["offer", "network"]
    readonly_fields = ["public_id", "created_at"]
    fieldsets = [
        (None, {"fields": ["name", "basis_points", "hold_days"]}),
        ("For", {"fields": ["offer", "network", "category"]}),
        ("Purchases", {"fields": ["valid_from", "valid_until"]}),
        ("Record", {"fields": ["public_id", "created_at"]}),
    ]

    def has_delete_permission(self, request: HttpRequest, obj: CashbackRule | None = None) -> bool:
        return False

    @admin.display(description="for")
    def scope(self, rule: CashbackRule) -> str:
        if rule.network:
            return f"{rule.network}: {rule.category}" if rule.category else str(rule.network)
        return rule.offer.title if rule.offer else "all our offers"

    @admin.display(description="cashback", ordering="basis_points")
    def rate(self, rule: CashbackRule) -> str:
        return f"{rule.basis_points / 100:g} %"

    @display(description="now", label=FORCE)  # type: ignore[untyped-decorator]  # no types
    def force(self, rule: CashbackRule) -> str:
        now = timezone.now()
        if rule.valid_from > now:
            return "Not yet"
        return "Over" if rule.valid_until and rule.valid_until <= now else "In force"
