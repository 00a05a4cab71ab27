"""A second person's yes."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from coupon_site.transitions import move
from flags.choices import PlanState
from flags.errors import OwnApproval
from flags.models import Approval, PlannedChange
from flags.services.propagation import locked_set
from flags.services.schedule import run_one
from flags.services.waiting import is_approved, waiting_plan, with_followers


@transaction.atomic
def approve_plan(*, plan: PlannedChange, approver: User, at: datetime | None = None) -> PlannedChange:
    """A second person's yes to this plan and to those that follow it; done at once when its moment is past.

    Saying it twice changes nothing. Raises OwnApproval, PlanEnded.
    """
    locked_set()
    plan = waiting_plan(plan)
    if approver.pk == plan.author_id:
        raise OwnApproval
    for each in with_followers(plan):
        if approver.pk != each.author_id:
            approve_one(each, approver)
    if run_one(plan.pk, at=at or timezone.now()):
        plan.refresh_from_db()
    return plan


def approve_one(plan: PlannedChange, approver: User) -> None:
    Approval.objects.get_or_create(planned_change=plan, approver=approver, content_hash=plan.content_hash)
    if plan.state == PlanState.PROPOSED and is_approved(plan):
        move(plan, PlanState.APPROVED, actor=approver)
