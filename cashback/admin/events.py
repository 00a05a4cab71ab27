"""Cashback waiting for a decision, and what became of the rest."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import action, display

from accounts.models import User
from cashback.admin.dialogs import AmendForm, ReasonForm, RemarkForm, decide, dialog
from cashback.models import CashbackEvent, CashbackState
from cashback.services import (
    amend_event,
    approve_events,
    clear_events,
    decline_events,
    hold_events,
    reverse_events,
)
from coupon_site.admin import ReadOnly, StateHistory, asks_first, row_or_404
from coupon_site.errors import DomainError, IllegalTransition
from coupon_site.money import format_money, parse_minor

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
# What can be done in which states.
POSSIBLE: dict[str, tuple[CashbackState, ...]] = {
    "approve": (CashbackState.PENDING,),
    "decline": (CashbackState.PENDING, CashbackState.CONFIRMED, CashbackState.HELD),
    "hold": (CashbackState.CONFIRMED,),
    "clear": (CashbackState.HELD,),
    "amend": (CashbackState.PENDING, CashbackState.CONFIRMED, CashbackState.HELD, CashbackState.PAID),
    "reverse": (CashbackState.PAID,),
}


def money(field: str, description: str) -> Callable[[Any, CashbackEvent], str]:
    """A column of an amount, with its currency."""

    @admin.display(description=description, ordering=field)
    def shown(model_admin: Any, event: CashbackEvent) -> str:
        return format_money(getattr(event, field), event.currency)

    return shown


@admin.register(CashbackEvent)
class CashbackEventAdmin(ReadOnly, StateHistory):
    list_display = ["public_id", "amount", "buyer", "network", "shown_state", "hold_until", "created_at"]
    list_filter = ["state", "network", "currency"]
    list_select_related = ["buyer"]
    search_fields = ["public_id", "buyer__email", "conversion__external_id", "order_line__order__number"]
    ordering = ["-id"]
    actions = ["approve_selected", "decline_selected", "hold_selected", "reverse_selected"]
    fields = [
        "public_id", "buyer", "network", "order_line", "conversion", "amount", "original", "clawed_back", "correction",
        "written_off", "basis_points", "rule", "state", "hold_until", "created_at", "confirmed_at", "paid_at",
    ]  # fmt: skip
    original = money("original_minor", "at first")
    clawed_back = money("clawed_back_minor", "clawed back")
    correction = money("correction_minor", "corrected by hand")
    written_off = money("written_off_minor", "written off: spent before it was clawed back")
    actions_detail = list(POSSIBLE)

    def has_approve_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """What the actions ask for."""
        return cast(User, request.user).has_perm("cashback.approve_cashbackevent")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what its state allows."""
        state = row_or_404(CashbackEvent.objects.all(), object_id).state
        prefix = f"{self.opts.app_label}_{self.opts.model_name}_"
        shown = {prefix + name for name, states in POSSIBLE.items() if state in states}
        return [each for each in super().get_actions_detail(request, object_id) if each.action_name in shown]

    @action(  # type: ignore[untyped-decorator]  # unfold has no types
        description="Approve",
        permissions=["approve"],
        icon="check",
        dialog=dialog("Approve", "It can be spent when its hold is over.", RemarkForm),
    )
    def approve(self, request: HttpRequest, form: RemarkForm, object_id: str) -> HttpResponse:
        return self.do(request, form, object_id, partial(approve_events, at=timezone.now()), "Approved.")

    @action(  # type: ignore[untyped-decorator]  # as above
        description="Decline",
        permissions=["approve"],
        icon="close",
        dialog=dialog("Decline", "There will be none; the customer sees it go.", ReasonForm),
    )
    def decline(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        return self.do(request, form, object_id, decline_events, "Declined.")

    @action(  # type: ignore[untyped-decorator]  # as above
        description="Hold",
        permissions=["approve"],
        icon="front_hand",
        dialog=dialog("Hold", "It is kept back until somebody releases or declines it.", ReasonForm),
    )
    def hold(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        return self.do(request, form, object_id, hold_events, "Held for review.")

    @action(  # type: ignore[untyped-decorator]  # as above
        description="Release",
        permissions=["approve"],
        icon="lock_open",
        dialog=dialog("Release", "It turned out to be fine.", RemarkForm),
    )
    def clear(self, request: HttpRequest, form: RemarkForm, object_id: str) -> HttpResponse:
        return self.do(request, form, object_id, partial(clear_events, at=timezone.now()), "Released.")

    @action(  # type: ignore[untyped-decorator]  # as above
        description="Take back",
        permissions=["approve"],
        icon="undo",
        dialog=dialog(
            "Take back", "Out of the wallet, as far as its floor allows; the rest is written off.", ReasonForm
        ),
    )
    def reverse(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        return self.do(request, form, object_id, reverse_events, "Taken back.")

    @action(  # type: ignore[untyped-decorator]  # as above
        description="Amend",
        permissions=["approve"],
        icon="edit",
        dialog=dialog("Amend", "What becomes of the purchase later still counts.", AmendForm),
    )
    def amend(self, request: HttpRequest, form: AmendForm, object_id: str) -> HttpResponse:
        event, actor = row_or_404(CashbackEvent.objects.all(), object_id), cast(User, request.user)
        amount, reason = parse_minor(form.cleaned_data["amount"], event.currency), form.cleaned_data["reason"]
        return decide(
            self,
            request,
            object_id,
            lambda: amend_event(event=event, amount_minor=amount, reason=reason, actor=actor),
            f"Worth {format_money(amount, event.currency)} from now on.",
        )

    def do(
        self,
        request: HttpRequest,
        form: RemarkForm | ReasonForm,
        object_id: str,
        act: Callable[..., list[CashbackEvent]],
        done: str,
    ) -> HttpResponse:
        """One decision about one event."""
        event = row_or_404(CashbackEvent.objects.all(), object_id)

        def act_or_refuse() -> None:
            if not act(events=[event], actor=cast(User, request.user), reason=form.cleaned_data["reason"]):
                raise IllegalTransition("Somebody has moved it meanwhile.")

        return decide(self, request, object_id, act_or_refuse, done)

    @admin.display(description="amount", ordering="original_minor")
    def amount(self, event: CashbackEvent) -> str:
        return format_money(event.amount_minor, event.currency)

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, event: CashbackEvent) -> str:
        return event.get_state_display()

    @admin.action(description="Approve selected cashback", permissions=["approve"])
    def approve_selected(self, request: HttpRequest, queryset: QuerySet[CashbackEvent]) -> None:
        actor, now = cast(User, request.user), timezone.now()
        self.decide_all(
            request, queryset, "approved", lambda rows: approve_events(events=rows, actor=actor, at=now, reason=BY_HAND)
        )

    @admin.action(description="Decline selected cashback", permissions=["approve"])
    @asks_first("Their owners get nothing.")
    def decline_selected(self, request: HttpRequest, queryset: QuerySet[CashbackEvent]) -> None:
        actor = cast(User, request.user)
        self.decide_all(
            request, queryset, "declined", lambda rows: decline_events(events=rows, actor=actor, reason=BY_HAND)
        )

    @admin.action(description="Hold selected cashback for review", permissions=["approve"])
    def hold_selected(self, request: HttpRequest, queryset: QuerySet[CashbackEvent]) -> None:
        actor = cast(User, request.user)
        self.decide_all(request, queryset, "held", lambda rows: hold_events(events=rows, actor=actor, reason=BY_HAND))

    @admin.action(description="Take selected paid cashback back", permissions=["approve"])
    @asks_first("It is taken from the wallets, even below nought.")
    def reverse_selected(self, request: HttpRequest, queryset: QuerySet[CashbackEvent]) -> None:
        actor = cast(User, request.user)
        self.decide_all(
            request, queryset, "taken back", lambda rows: reverse_events(events=rows, actor=actor, reason=BY_HAND)
        )

    def decide_all(
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
