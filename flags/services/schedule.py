"""Planned changes whose moment has come."""

import logging
from datetime import datetime

from django.db import transaction

from coupon_site.errors import DomainError
from coupon_site.transitions import move
from flags.choices import FlagSource, PlanState
from flags.errors import PlanInvalid
from flags.models import PlannedChange
from flags.services.allowance import refuse_silence, refuse_unless_allowed
from flags.services.edits import Edit, edit_of
from flags.services.plan_endings import end
from flags.services.propagation import locked_set
from flags.services.waiting import hash_of, is_approved, with_followers
from flags.services.writing import Origin, write

logger = logging.getLogger(__name__)


def run_planned_changes(*, at: datetime, limit: int = 100) -> int:
    """Do what is approved and due, the earliest first, each in a transaction of its own; answers how many were done."""
    done = 0
    tried: set[int] = set()
    for _ in range(limit):
        pk = PlannedChange.objects.due(at).exclude(pk__in=tried).values_list("pk", flat=True).first()
        if pk is None:
            break
        tried.add(pk)
        try:
            done += run_one(pk, at=at)
        except Exception:  # one that can't be done must not hold up the others
            logger.exception("The planned change %s could not be done; it is tried again", pk)
    return done


@transaction.atomic
def run_one(pk: int, *, at: datetime) -> bool:
    """Do a plan if it is due and nobody else has; whether it is done. One that can't be done has failed for good."""
    flag_set = locked_set()
    plan = PlannedChange.objects.due(at).select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
    if plan is None:
        return False
    try:
        with transaction.atomic():
            edit = edit_of_plan(plan)
            followers = [each.pk for each in with_followers(plan)]
            origin = Origin(plan.author, FlagSource.SCHEDULE, plan.reason)
            write(flag_set, [edit], origin, apart_from=followers)
    except DomainError as error:
        end(with_followers(plan), PlanState.FAILED, error=str(error))
        return False
    PlannedChange.objects.filter(pk__in=followers).exclude(pk=plan.pk).update(base_version=edit.flag.version)
    move(plan, PlanState.APPLIED, actor=plan.author, ended_at=at)
    return True


def edit_of_plan(plan: PlannedChange) -> Edit:
    """What the plan does, if it is still what was approved. Raises what `change_flag` raises, PlanInvalid."""
    edit = edit_of(plan.flag.key, plan.patch, expected_version=plan.base_version)
    if hash_of(plan) != plan.content_hash:
        raise PlanInvalid("Its content is not what was planned.")
    if plan.approvals_needed:
        if not is_approved(plan):
            raise PlanInvalid("Its content is not what was approved.")
        refuse_silence(edit, plan.reason)
    else:
        refuse_unless_allowed(edit, plan.reason)
    return edit
