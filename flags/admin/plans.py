"""What is planned over all flags: the desk of those who approve."""

from typing import Any, cast

import msgspec
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.models import User
from coupon_site.admin import ReadOnly, row_or_404
from flags.admin.editing import ReasonIn, answered, standing
from flags.admin.words import label_of
from flags.choices import PlanState
from flags.errors import OwnApproval
from flags.models import PlannedChange
from flags.rights import Rights
from flags.services import approve_plan, cancel_plan

LABELS = {
    PlanState.PROPOSED.label: "warning",
    PlanState.APPROVED.label: "info",
    PlanState.APPLIED.label: "success",
    PlanState.CANCELLED.label: "default",
    PlanState.FAILED.label: "danger",
}


@admin.register(PlannedChange)
class PlannedChangeAdmin(ReadOnly, ModelAdmin[PlannedChange]):
    list_display = ["flag_name", "what", "shown_state", "run_at", "author", "reason"]
    list_filter = ["state"]
    search_fields = ["flag__key", "reason"]
    list_select_related = ["flag", "author"]
    list_fullwidth = True
    ordering = ["-id"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: PlannedChange | None = None) -> bool:
        return super().has_view_permission(request, obj) or Rights.of(cast(User, request.user)).changes_any

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlannedChange]:
        return cast("QuerySet[PlannedChange]", super().get_queryset(request)).prefetch_related("approvals")

    def get_urls(self) -> list[URLPattern]:
        acts = {"approve": approve, "cancel": cancel}
        views = {name: self.admin_site.admin_view(answered(act)) for name, act in acts.items()}
        own = [path(f"<int:pk>/{name}/", view, name=f"flags_plannedchange_{name}") for name, view in views.items()]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """It is looked at, and decided on, beside the flag that it changes."""
        plan = row_or_404(PlannedChange.objects.all(), object_id)
        return HttpResponseRedirect(f"{reverse('admin:flags_flag_change', args=[plan.flag_id])}#planned")

    @admin.display(description="flag", ordering="flag__key")
    def flag_name(self, plan: PlannedChange) -> str:
        return format_html('<span class="flag-name">{}</span>', plan.flag.key)

    @admin.display(description="what")
    def what(self, plan: PlannedChange) -> str:
        rest = [label_of(name) for name in plan.patch if name != "enabled"]
        turned = ["turn on" if plan.patch["enabled"] else "turn off"] if "enabled" in plan.patch else []
        return ", ".join([*turned, *rest])

    @display(description="state", ordering="state", label=LABELS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, plan: PlannedChange) -> str:
        return plan.get_state_display()


def approve(request: HttpRequest, pk: int) -> dict[str, Any]:
    """A second person's yes; done at once when its moment is past."""
    plan, user = get_object_or_404(PlannedChange.objects.select_related("flag"), pk=pk), cast(User, request.user)
    if not Rights.of(user).may_approve(plan.flag.key):
        raise PermissionDenied
    if plan.author_id == user.pk:
        raise OwnApproval
    plan = approve_plan(plan=plan, approver=user)
    note = {
        PlanState.APPLIED: "Approved, and done.",
        PlanState.FAILED: f"Approved, but it can't be done: {plan.error}",
        PlanState.PROPOSED: "Approved; it waits for another approval.",
    }.get(PlanState(plan.state), f"Approved: it is done at {plan.run_at:%Y-%m-%d %H:%M} UTC.")
    return {**standing(plan.flag_id), "note": note}


def cancel(request: HttpRequest, pk: int) -> dict[str, Any]:
    plan, user = get_object_or_404(PlannedChange.objects.select_related("flag"), pk=pk), cast(User, request.user)
    if not Rights.of(user).may_change(plan.flag.key) and plan.author_id != user.pk:
        raise PermissionDenied
    cancel_plan(plan=plan, actor=user, reason=msgspec.json.decode(request.body, type=ReasonIn).reason)
    return {**standing(plan.flag_id), "note": "Called off."}
