"""What is planned for a flag, in words."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from accounts.models import User
from flags.admin.words import Line, differences
from flags.choices import PlanState
from flags.models import Flag, PlannedChange
from flags.queries import definition_of
from flags.rights import Rights
from flags.services.edits import plain

PAST = 10


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned change, and what the one who looks at it may do."""

    plan: PlannedChange
    lines: list[Line]
    approvers: list[str]
    may_approve: bool
    may_cancel: bool

    @property
    def said(self) -> str:
        return "; ".join(map(str, self.lines)) or ", ".join(self.plan.patch)

    @property
    def is_open(self) -> bool:
        return self.plan.state in PlanState.open()

    @property
    def is_due(self) -> bool:
        return self.plan.run_at <= timezone.now()


def plans_of(flag: Flag, user: User, rights: Rights) -> list[Planned]:
    """What waits, in its order, then what became of the last ones."""
    rows = PlannedChange.objects.filter(flag=flag).select_related("author").prefetch_related("approvals__approver")
    waiting = sorted(rows.open(), key=lambda plan: (plan.run_at, plan.pk))
    past = rows.exclude(state__in=PlanState.open()).order_by("-ended_at")[:PAST]
    before = plain(definition_of(flag.key))
    after: dict[int, dict[str, Any]] = {}
    planned = []
    for plan in waiting:
        start = after.get(plan.after_id or 0, before)
        after[plan.pk] = {**start, **plan.patch}
        planned.append(described(plan, start, user, rights))
    return [*planned, *(described(plan, before, user, rights) for plan in past)]


def described(plan: PlannedChange, before: dict[str, Any], user: User, rights: Rights) -> Planned:
    """`before`: the flag as it will be when the moment comes."""
    is_open = plan.state in PlanState.open()
    approvers = [approval.approver for approval in plan.approvals.all()]
    waits = plan.state == PlanState.PROPOSED and user.pk != plan.author_id and user not in approvers
    return Planned(
        plan=plan,
        lines=differences(before, {**before, **plan.patch}) if is_open else [],
        approvers=[str(approver) for approver in approvers],
        may_approve=waits and rights.may_approve(plan.flag.key),
        may_cancel=is_open and (rights.may_change(plan.flag.key) or user.pk == plan.author_id),
    )
