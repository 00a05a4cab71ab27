"""Plans that wait: found and locked, and what an approval of them says yes to."""

import hashlib

import msgspec

from flags.choices import PlanState
from flags.errors import PlanEnded
from flags.models import Approval, PlannedChange


def waiting_plan(plan: PlannedChange) -> PlannedChange:
    """The plan as it is now, locked. Raises PlanEnded."""
    now = PlannedChange.objects.select_for_update(of=("self",), no_key=True).select_related("flag").get(pk=plan.pk)
    if now.state not in PlanState.open():
        raise PlanEnded(f"It is {PlanState(now.state).label}. {now.error}".rstrip(), state=now.state)
    return now


def with_followers(plan: PlannedChange) -> list[PlannedChange]:
    """The plan and all that follow it, in their order, locked."""
    waiting = PlannedChange.objects.open().filter(flag=plan.flag_id).select_for_update(of=("self",), no_key=True)
    next_of = {each.after_id: each for each in waiting}
    found = [plan]
    while follower := next_of.get(found[-1].pk):
        found.append(follower)
    return found


def hash_of(plan: PlannedChange) -> str:
    """Of all that an approval approves. A step is bound to the one before it: its base version is not known yet."""
    content = [
        plan.flag_id,
        plan.patch,
        plan.run_at,
        [plan.after_id] if plan.after_id else plan.base_version,
        plan.author_id,
        plan.reason,
        plan.approvals_needed,
    ]
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def is_approved(plan: PlannedChange) -> bool:
    """Whether enough others said yes to exactly this content."""
    yes = Approval.objects.filter(planned_change=plan, content_hash=hash_of(plan)).exclude(approver=plan.author_id)
    return yes.count() >= plan.approvals_needed
