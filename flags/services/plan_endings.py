"""How plans end without having run: called off, overtaken by another change, or found impossible."""

from collections.abc import Collection, Sequence

from django.utils import timezone

from accounts.models import User
from coupon_site.models import StateChange
from coupon_site.tracing import request_id
from flags.choices import PlanState
from flags.models import PlannedChange
from flags.services.edits import Edit


def end_overtaken(edits: Sequence[Edit], *, apart_from: Collection[int]) -> None:
    """What was planned on an older version of these flags would not do what was approved."""
    flags = [edit.flag.pk for edit in edits if edit.before]
    if not flags:
        return
    waiting = PlannedChange.objects.open().filter(flag__in=flags).exclude(pk__in=apart_from)
    if plans := list(waiting.select_for_update(of=("self",), no_key=True)):
        end(plans, PlanState.FAILED, error="The flag was changed in the meantime.")


def end(plans: Sequence[PlannedChange], state: PlanState, *, error: str, actor: User | None = None) -> None:
    """Two statements for any number; their locks are held."""
    now = timezone.now()
    StateChange.objects.bulk_create(
        [
            StateChange(
                model=plan._meta.label_lower,
                object_id=plan.public_id,
                from_state=plan.state,
                to_state=state,
                actor=actor,
                reason=error[:200],
                request_id=request_id.get(),
            )
            for plan in plans
        ]
    )
    PlannedChange.objects.filter(pk__in=[plan.pk for plan in plans]).update(
        state=state, ended_at=now, error=error[:300]
    )
    for plan in plans:
        plan.state, plan.ended_at, plan.error = state, now, error[:300]
