"""Planned changes: proposed, approved by somebody else where that is needed, and done when their moment comes.

Every verb takes the lock of the set first, as each write of a flag does: a plan, its approvals, its moment and a change
by hand come one after the other, in whatever order they are committed.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from msgspec.structs import replace

from accounts.models import User
from events import publish
from flags.choices import PlanState
from flags.definition import Rule
from flags.errors import PlanEnded, PlanInvalid
from flags.events import FlagChangePlanned
from flags.models import Flag, PlannedChange
from flags.services.allowance import needs_approval, refuse_silence
from flags.services.changes import change_flag, edit_of_declared
from flags.services.edits import Edit, edit_of, patched, plain
from flags.services.plan_endings import end
from flags.services.propagation import locked_set
from flags.services.validation import refuse_invalid
from flags.services.waiting import hash_of, waiting_plan, with_followers
from flags.services.writing import Origin


@transaction.atomic
def plan_change(  # noqa: PLR0913  what changes when, after what, who wants it and why
    *,
    key: str,
    patch: Mapping[str, Any],
    run_at: datetime,
    author: User | None,
    reason: str = "",
    after: PlannedChange | None = None,
) -> PlannedChange:
    """Have a flag changed at a moment; approved already where nobody else has to look at it.

    Raises FlagUnknown, DefinitionInvalid, ReasonRequired, PlanInvalid, and PlanEnded when `after` waits no longer.
    """
    locked_set()
    edit = edit_of(key, {})
    if after is not None:
        edit = follow(edit, after, run_at)
    step = Edit(edit.flag, edit.after, patched(edit.after, patch))
    if not step.changed:
        raise PlanInvalid("This changes nothing.")
    refuse_silence(step, reason)
    refuse_invalid([step])
    needed = int(needs_approval(step))
    plan = PlannedChange(
        flag=edit.flag,
        patch={name: plain(step.after)[name] for name in step.changed},
        base_version=edit.flag.version,
        after=after,
        run_at=run_at.astimezone(UTC),
        author=author,
        reason=reason.strip()[:200],
        approvals_needed=needed,
        state=PlanState.PROPOSED if needed else PlanState.APPROVED,
    )
    plan.content_hash = hash_of(plan)
    plan.save(force_insert=True)
    publish(planned(plan))
    return plan


def planned(plan: PlannedChange) -> FlagChangePlanned:
    return FlagChangePlanned(
        flag=plan.flag.key,
        plan=plan.public_id,
        run_at=plan.run_at,
        approvals_needed=plan.approvals_needed,
        reason=plan.reason,
        actor=plan.author.public_id if plan.author else None,
    )


def follow(edit: Edit, after: PlannedChange, run_at: datetime) -> Edit:
    """The flag as it will be when the plan `after` and those before it are done."""
    waiting = {each.pk: each for each in PlannedChange.objects.open().filter(flag=edit.flag)}
    if after.pk not in waiting:
        raise PlanEnded("The change before this one waits no longer.")
    if run_at < waiting[after.pk].run_at:
        raise PlanInvalid("It can't come before the change that it follows.")
    if any(each.after_id == after.pk for each in waiting.values()):
        raise PlanInvalid("Another change follows this one already.")
    steps = []
    step: PlannedChange | None = waiting[after.pk]
    while step is not None:
        steps.append(step)
        step = waiting.get(step.after_id or 0)
    definition = edit.after
    for step in reversed(steps):
        definition = patched(definition, step.patch)
    return Edit(edit.flag, edit.before, definition)


@transaction.atomic
def plan_ramp(
    *,
    key: str,
    steps: Sequence[tuple[float, datetime]],
    author: User | None,
    reason: str = "",
    rule: str = "ramp",
) -> list[PlannedChange]:
    """Roll a flag out by (percent, moment) steps: it is turned on with the first, and each waits for the one before it.

    `rule` is the id of the rule whose share grows; it is made where the flag has none of this name.
    Raises what `plan_change` raises.
    """
    if not steps:
        raise PlanInvalid("A ramp has at least one step.")
    locked_set()
    rules = [*edit_of(key, {}).after.rules]
    if rule not in {each.id for each in rules}:
        rules.append(Rule(id=rule, name="Ramp"))
    plans: list[PlannedChange] = []
    for percent, run_at in steps:
        rules = [replace(each, percent=percent) if each.id == rule else each for each in rules]
        patch = {"enabled": True, "rules": rules}
        after = plans[-1] if plans else None
        plans.append(plan_change(key=key, patch=patch, run_at=run_at, author=author, reason=reason, after=after))
    return plans


@transaction.atomic
def change_or_plan(  # noqa: PLR0913  as change_flag
    *,
    key: str,
    patch: Mapping[str, Any],
    actor: User | None,
    source: str,
    at: datetime,
    reason: str = "",
    expected_version: int | None = None,
) -> Flag | PlannedChange:
    """Change a flag; where another person has to approve, plan it for now. The same said twice is one plan.

    What turns the flag off is done at once, whatever else has to wait. Raises what `change_flag` raises.
    """
    flag_set, origin = locked_set(), Origin(actor, source, reason)
    edit = edit_of_declared(flag_set, key, patch, origin, expected_version=expected_version)
    if not needs_approval(edit):
        return change_flag(key=key, patch=patch, actor=actor, source=source, reason=reason)
    if "enabled" in edit.changed and not edit.after.enabled:
        change_flag(key=key, patch={"enabled": False}, actor=actor, source=source, reason=reason)
    refuse_silence(edit, reason)
    wanted = {name: plain(edit.after)[name] for name in edit.changed if name != "enabled" or edit.after.enabled}
    waiting = PlannedChange.objects.open().filter(flag=edit.flag, patch=wanted, after=None, run_at__lte=at)
    return waiting.first() or plan_change(key=key, patch=wanted, run_at=at, author=actor, reason=reason)


@transaction.atomic
def cancel_plan(*, plan: PlannedChange, actor: User | None, reason: str = "") -> PlannedChange:
    """Call off a plan and those that follow it. Raises PlanEnded."""
    locked_set()
    plan = waiting_plan(plan)
    end([plan, *with_followers(plan)[1:]], PlanState.CANCELLED, error=reason or "called off", actor=actor)
    return plan
