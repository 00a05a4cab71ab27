"""Payouts that wait for a second person, for the bank, or for somebody to decide what is next."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.timesince import timesince
from unfold.decorators import action, display

from accounts.models import User
from cashback.admin.dialogs import ReasonForm, RemarkForm, decide, dialog
from cashback.models import OPEN_STATES, Payout, PayoutState
from cashback.services import approve_payout, reject_payout, retry_payout, return_payout
from coupon_site.admin import ReadOnly, StateHistory, row_or_404
from coupon_site.errors import DomainError
from coupon_site.money import format_money

STATE_COLOURS = {
    PayoutState.REQUESTED.label: "warning",
    PayoutState.APPROVED.label: "info",
    PayoutState.PROCESSING.label: "info",
    PayoutState.UNKNOWN.label: "danger",
    PayoutState.PAID.label: "success",
    PayoutState.FAILED.label: "danger",
}
# What can be done in which state.
POSSIBLE = {
    "approve": PayoutState.REQUESTED,
    "reject": PayoutState.REQUESTED,
    "retry": PayoutState.FAILED,
    "give_back": PayoutState.FAILED,
}


@admin.register(Payout)
class PayoutAdmin(ReadOnly, StateHistory):
    list_display = ["amount", "shown_state", "age", "buyer", "destination"]
    list_filter = ["state", "currency", "requested_at"]
    list_select_related = ["buyer"]
    search_fields = ["public_id", "buyer__email", "destination", "provider_ref"]
    # What waits for a decision, then what is on its way, then the rest.
    ordering = [
        Case(When(state=PayoutState.REQUESTED, then=0), When(state__in=OPEN_STATES, then=1), default=2),
        "-id",
    ]
    actions = ["approve_selected"]
    actions_detail = ["approve", "reject", "retry", "give_back"]
    fields = [
        "public_id", "buyer", "amount", "destination", "state", "failure_code", "requested_by", "requested_at",
        "approved_by", "approved_at", "sent_at", "polls", "poll_at", "provider_ref", "ended_at", "key",
    ]  # fmt: skip

    def has_approve_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("cashback.approve_payout")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what its state allows."""
        state = row_or_404(Payout.objects.all(), object_id).state
        shown = {f"{self.opts.app_label}_{self.opts.model_name}_{name}" for name, at in POSSIBLE.items() if at == state}
        return [each for each in super().get_actions_detail(request, object_id) if each.action_name in shown]

    @admin.action(description="Approve selected payouts", permissions=["approve"])
    def approve_selected(self, request: HttpRequest, queryset: QuerySet[Payout]) -> None:
        done = 0
        for payout in queryset.order_by("pk"):
            try:
                approve_payout(payout=payout, actor=cast(User, request.user), at=timezone.now())
                done += 1
            except DomainError as error:
                self.message_user(request, f"{payout}: {error}", messages.ERROR)
        self.message_user(request, f"{done} approved.", messages.SUCCESS if done else messages.WARNING)

    @action(  # type: ignore[untyped-decorator]  # unfold has no types
        description="Approve",
        permissions=["approve"],
        icon="check",
        dialog=dialog("Approve", "The money goes to the bank. Not for whoever asked for it.", RemarkForm),
    )
    def approve(self, request: HttpRequest, form: RemarkForm, object_id: str) -> HttpResponse:
        return self.do(request, form, object_id, approve_payout, "Approved: it goes to the bank.", at=timezone.now())

    @action(  # type: ignore[untyped-decorator]  # as above
        description="Reject",
        permissions=["approve"],
        icon="close",
        dialog=dialog("Reject", "The money goes back into the wallet.", ReasonForm),
    )
    def reject(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        return self.do(request, form, object_id, reject_payout, "Rejected: the money is back.", at=timezone.now())

    @action(  # type: ignore[untyped-decorator]  # as above
        description="Send again",
        permissions=["approve"],
        icon="replay",
        dialog=dialog("Send again", "The bank knows it by the key it had, and pays it once.", RemarkForm),
    )
    def retry(self, request: HttpRequest, form: RemarkForm, object_id: str) -> HttpResponse:
        return self.do(request, form, object_id, retry_payout, "It goes to the bank again.")

    @action(  # type: ignore[untyped-decorator]  # as above
        description="Return to the wallet",
        permissions=["approve"],
        icon="undo",
        dialog=dialog("Return", "It is given up: the money goes back into the wallet.", ReasonForm),
    )
    def give_back(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        return self.do(request, form, object_id, return_payout, "Returned to the wallet.", at=timezone.now())

    def do(
        self,
        request: HttpRequest,
        form: RemarkForm | ReasonForm,
        object_id: str,
        act: Callable[..., Payout],
        done: str,
        **more: object,
    ) -> HttpResponse:
        payout = row_or_404(Payout.objects.select_related("buyer"), object_id)
        said = {"actor": request.user, "reason": form.cleaned_data["reason"], **more}
        return decide(self, request, object_id, lambda: act(payout=payout, **said), done)

    @admin.display(description="amount", ordering="amount_minor")
    def amount(self, payout: Payout) -> str:
        return format_money(payout.amount_minor, payout.currency)

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, payout: Payout) -> str:
        return payout.get_state_display()

    @admin.display(description="age", ordering="-requested_at")
    def age(self, payout: Payout) -> str:
        """How long it has taken, or takes."""
        return timesince(payout.requested_at, payout.ended_at, depth=1)
