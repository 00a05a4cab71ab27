"""Cashback waiting for a decision, and what became of the rest."""

from collections.abc import Callable
from typing import cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from accounts.models import User
from cashback.models import CashbackEvent
from cashback.services import approve_events, decline_events, hold_events, reverse_events
from coupon_site.admin import ReadOnly, StateHistory
from coupon_site.errors import DomainError
from coupon_site.money import format_money

STATE_COLOURS = {
    "Pending": "warning",
    "Confirmed": "info",
    "Payable": "info",
    "Paid": "success",
    "Held for review": "warning",
    "Declined": "danger",
    "Taken back": "danger",
}
BY_HAND = "decided in the admin"


@admin.register(CashbackEvent)
class CashbackEventAdmin(ReadOnly, StateHistory):
    list_display = ["public_id", "amount", "buyer", "network", "shown_state", "hold_until", "created_at"]
    list_filter = ["state", "network", "currency"]
    list_select_related = ["buyer"]
    search_fields = ["public_id", "buyer__email", "conversion__external_id", "order_line__order__number"]
    ordering = ["-id"]
    actions = ["approve_selected", "decline_selected", "hold_selected", "reverse_selected"]
    fields = [
        "public_id", "buyer", "network", "order_line", "conversion", "amount", "original_minor", "clawed_back_minor",
        "written_off_minor", "currency", "basis_points", "state", "hold_until", "created_at", "confirmed_at", "paid_at",
    ]  # fmt: skip

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """What the actions ask for."""
        return cast(User, request.user).has_perm("cashback.approve_cashbackevent")

    @admin.display(description="amount", ordering="original_minor")
    def amount(self, event: CashbackEvent) -> str:
        return format_money(event.amount_minor, event.currency)

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, event: CashbackEvent) -> str:
        return event.get_state_display()

    @admin.action(description="Approve selected cashback", permissions=["approve"])
    def approve_selected(self, request: HttpRequest, queryset: QuerySet[CashbackEvent]) -> None:
        actor, now = cast(User, request.user), timezone.now()
        self.decide(
            request, queryset, "approved", lambda rows: approve_events(events=rows, actor=actor, at=now, reason=BY_HAND)
        )

    @admin.action(description="Decline selected cashback", permissions=["approve"])
    def decline_selected(self, request: HttpRequest, queryset: QuerySet[CashbackEvent]) -> None:
        actor = cast(User, request.user)
        self.decide(
            request, queryset, "declined", lambda rows: decline_events(events=rows, actor=actor, reason=BY_HAND)
        )

    @admin.action(description="Hold selected cashback for review", permissions=["approve"])
    def hold_selected(self, request: HttpRequest, queryset: QuerySet[CashbackEvent]) -> None:
        actor = cast(User, request.user)
        self.decide(request, queryset, "held", lambda rows: hold_events(events=rows, actor=actor, reason=BY_HAND))

    @admin.action(description="Take selected paid cashback back", permissions=["approve"])
    def reverse_selected(self, request: HttpRequest, queryset: QuerySet[CashbackEvent]) -> None:
        actor = cast(User, request.user)
        self.decide(
            request, queryset, "taken back", lambda rows: reverse_events(events=rows, actor=actor, reason=BY_HAND)
        )

    def decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[CashbackEvent],
        what: str,
        act: Callable[[list[CashbackEvent]], list[CashbackEvent]],
    ) -> None:
        """Do it to all that are in a state that allows it, and say how many were not."""
        rows = list(queryset.order_by("pk"))
        try:
            done = act(rows)
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        self.message_user(request, f"{len(done)} {what}.", messages.SUCCESS)
        if left := len(rows) - len(done):
            self.message_user(request, f"{left} are in a state that does not allow it.", messages.WARNING)
