"""Changes that wait for their moment, for a second person, or for the step before them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxEvent
from flags.choices import FlagSource, PlanState
from flags.errors import ApprovalNeeded, DefinitionInvalid, OwnApproval, PlanEnded, PlanInvalid, ReasonRequired
from flags.models import Approval, Flag, PlannedChange
from flags.queries import definition_of
from flags.services import (
    approve_plan,
    archive_flag,
    cancel_plan,
    change_flag,
    change_or_plan,
    guard_flags,
    plan_change,
    plan_ramp,
    run_planned_changes,
    set_flag,
)
from flags.tests.conftest import NOBODY

pytestmark = pytest.mark.django_db

NOW = timezone.now()
SOON, LATER = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
ON = {"enabled": True}
MakeFlag = Callable[..., Flag]


@pytest.fixture
def author(make_user: Callable[..., User]) -> User:
    return make_user(name="Ada")


@pytest.fixture
def second(make_user: Callable[..., User]) -> User:
    return make_user(name="Bob")


@pytest.fixture
def plan(author: User) -> Callable[..., PlannedChange]:
    def make(key: str = "shop.open", patch: Any = ON, **fields: Any) -> PlannedChange:
        said = {"run_at": SOON, "author": author, "reason": "sale starts", **fields}
        return plan_change(key=key, patch=patch, **said)

    return make


def state_of(plan: PlannedChange) -> str:
    plan.refresh_from_db()
    return plan.state


# --- By the clock ---------------------------------------------------------------------------------------------------
def test_plan__is_done_at_its_moment_and_not_before(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], author: User
) -> None:
    flag = make_flag("shop.open")
    planned = plan()

    assert planned.state == PlanState.APPROVED
    assert run_planned_changes(at=SOON - timedelta(seconds=1)) == 0
    assert run_planned_changes(at=SOON) == 1
    assert run_planned_changes(at=LATER) == 0

    assert state_of(planned) == PlanState.APPLIED
    assert planned.ended_at == SOON
    change = flag.changes.first()
    assert change
    assert (change.source, change.actor, change.reason) == (FlagSource.SCHEDULE, author, "sale starts")
    assert definition_of("shop.open").enabled


def test_plan__is_announced(make_flag: MakeFlag, plan: Callable[..., PlannedChange]) -> None:
    make_flag("shop.open")

    planned = plan()

    event = OutboxEvent.objects.order_by("-id")[0]
    assert (event.event_type, event.aggregate_id) == ("flag.change_planned", "shop.open")
    assert str(planned.public_id) in event.payload


@pytest.mark.parametrize(
    ("patch", "refusal"),
    [
        ({"enabled": False}, PlanInvalid),
        ({"rules": [{"id": "a", "segments": ["nobody"]}]}, DefinitionInvalid),
        ({"mood": "good"}, DefinitionInvalid),
    ],
)
def test_what_can_not_be_done__is_not_planned(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], patch: Any, refusal: type[Exception]
) -> None:
    make_flag("shop.open")

    with pytest.raises(refusal):
        plan(patch=patch)

    assert not PlannedChange.objects.exists()


def test_change_by_hand__ends_the_plan(make_flag: MakeFlag, plan: Callable[..., PlannedChange]) -> None:
    make_flag("shop.open")
    planned = plan()

    change_flag(key="shop.open", patch={"description": "Orders"}, **NOBODY)

    assert state_of(planned) == PlanState.FAILED
    assert planned.error == "The flag was changed in the meantime."
    assert run_planned_changes(at=LATER) == 0
    move = StateChange.objects.get(object_id=planned.public_id)
    assert (move.from_state, move.to_state) == ("approved", "failed")


def test_change_that_the_plan_did_not_see__is_found_at_its_moment(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange]
) -> None:
    make_flag("shop.open")
    planned = plan()
    Flag.objects.update(version=7)  # by SQL

    assert run_planned_changes(at=SOON) == 0

    assert state_of(planned) == PlanState.FAILED
    assert "version 7, not 1" in planned.error
    assert not definition_of("shop.open").enabled


def test_plan_that_became_impossible__fails_and_the_next_one_is_done(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange]
) -> None:
    make_flag("shop.open")
    make_flag("other")
    first, second = plan(), plan("other")
    Flag.objects.filter(key="shop.open").update(archived_at=NOW)  # by SQL

    assert run_planned_changes(at=SOON) == 1

    assert (state_of(first), state_of(second)) == (PlanState.FAILED, PlanState.APPLIED)
    assert first.error == "shop.open is archived."


def test_archived_flag__has_no_plans_left(make_flag: MakeFlag, plan: Callable[..., PlannedChange]) -> None:
    make_flag("shop.open")
    planned = plan()

    archive_flag(key="shop.open", at=NOW, **NOBODY)

    assert state_of(planned) == PlanState.FAILED


def test_cancelled_plan__is_not_done(make_flag: MakeFlag, plan: Callable[..., PlannedChange], second: User) -> None:
    make_flag("shop.open")
    planned = plan()

    cancel_plan(plan=planned, actor=second, reason="rain")

    assert run_planned_changes(at=LATER) == 0
    assert (state_of(planned), planned.error) == (PlanState.CANCELLED, "rain")
    with pytest.raises(PlanEnded):
        cancel_plan(plan=planned, actor=second)
    with pytest.raises(PlanEnded):
        approve_plan(plan=planned, approver=second)


# --- By a second person ---------------------------------------------------------------------------------------------
def test_protected_flag__waits_for_somebody_else(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], author: User, second: User
) -> None:
    make_flag("shop.open", protected=True)
    planned = plan()

    assert planned.state == PlanState.PROPOSED
    assert run_planned_changes(at=LATER) == 0
    with pytest.raises(OwnApproval):
        approve_plan(plan=planned, approver=author)
    approve_plan(plan=planned, approver=second, at=NOW)

    assert state_of(planned) == PlanState.APPROVED
    assert run_planned_changes(at=SOON) == 1


def test_approval_after_the_moment__does_it_at_once(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], second: User
) -> None:
    make_flag("shop.open", protected=True)

    approved = approve_plan(plan=plan(), approver=second, at=LATER)

    assert approved.state == PlanState.APPLIED
    assert definition_of("shop.open").enabled


def test_plan_of_nobody__may_be_approved_by_anybody(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], second: User
) -> None:
    make_flag("shop.open", protected=True)

    assert approve_plan(plan=plan(author=None), approver=second, at=NOW).state == PlanState.APPROVED


def test_same_person_twice__is_one_approval(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], second: User
) -> None:
    make_flag("shop.open", protected=True)
    planned = plan()

    for _ in range(2):
        approve_plan(plan=planned, approver=second, at=NOW)

    assert Approval.objects.count() == 1


@pytest.mark.parametrize(
    "edited",
    [
        {"patch": {"enabled": True, "guard": []}},
        {"run_at": NOW - timedelta(days=1)},
        {"reason": "other"},
        {"approvals_needed": 0},
        {"author": None},
    ],
)
def test_content_that_was_edited_after_the_approval__is_not_done(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], second: User, edited: dict[str, Any]
) -> None:
    make_flag("shop.open", protected=True)
    planned = plan()
    approve_plan(plan=planned, approver=second, at=NOW)
    PlannedChange.objects.update(**edited)  # by SQL

    assert run_planned_changes(at=SOON) == 0

    assert state_of(planned) == PlanState.FAILED
    assert "content is not what was" in planned.error
    assert not definition_of("shop.open").enabled


def test_content_and_hash_that_were_edited__are_not_done_either(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], second: User
) -> None:
    make_flag("shop.open", protected=True)
    planned = plan()
    approve_plan(plan=planned, approver=second, at=NOW)
    other = plan(patch={"guard": ["A"], "enabled": True})
    PlannedChange.objects.filter(pk=planned.pk).update(patch=other.patch, content_hash=other.content_hash)  # by SQL

    run_planned_changes(at=SOON)

    assert (state_of(planned), planned.error) == (PlanState.FAILED, "Its content is not what was approved.")


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_approval__can_not_be_rewritten(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], second: User, verb: str
) -> None:
    make_flag("shop.open", protected=True)
    approve_plan(plan=plan(), approver=second, at=NOW)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Approval.objects.update(content_hash="") if verb == "update" else Approval.objects.all().delete()


def test_plan_for_a_protected_flag__needs_a_reason(make_flag: MakeFlag, plan: Callable[..., PlannedChange]) -> None:
    make_flag("shop.open", protected=True)

    with pytest.raises(ReasonRequired):
        plan(reason=" ")


def test_plan_from_before_the_protection__is_not_done_without_approval(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange]
) -> None:
    make_flag("shop.open")
    planned = plan()
    Flag.objects.update(protected=True)  # by SQL: a service would have ended the plan

    assert run_planned_changes(at=SOON) == 0
    assert state_of(planned) == PlanState.FAILED


# --- Change, or plan ------------------------------------------------------------------------------------------------
def ask(patch: Any, actor: User, **fields: Any) -> Flag | PlannedChange:
    said = {"source": FlagSource.API, "reason": "why", "at": NOW, **fields}
    return change_or_plan(key="shop.open", patch=patch, actor=actor, **said)


def test_plain_flag__is_changed_at_once(make_flag: MakeFlag, author: User) -> None:
    make_flag("shop.open")

    assert isinstance(ask(ON, author), Flag)
    assert definition_of("shop.open").enabled


def test_declared_flag_that_is_missing__is_made_and_changed(declare_flag: Callable[..., str], author: User) -> None:
    declare_flag("shop.open", description="Orders are taken")

    flag = ask(ON, author)

    assert isinstance(flag, Flag)
    assert [change.before is None for change in flag.changes.all()] == [False, True]


def test_protected_flag__is_planned_once_however_often_it_is_asked_for(make_flag: MakeFlag, author: User) -> None:
    make_flag("shop.open", protected=True)

    first, again = ask(ON, author), ask(ON, author, at=SOON)

    assert isinstance(first, PlannedChange)
    assert first == again
    assert PlannedChange.objects.count() == 1


def test_kill_with_more_to_it__kills_at_once_and_plans_the_rest(make_flag: MakeFlag, author: User) -> None:
    make_flag("shop.open", protected=True, enabled=True, rules=[{"id": "a", "percent": 5}])

    planned = ask({"enabled": False, "rules": []}, author)

    assert isinstance(planned, PlannedChange)
    assert planned.patch == {"rules": []}
    assert planned.base_version == 2
    assert not definition_of("shop.open").enabled


# --- Ramps ----------------------------------------------------------------------------------------------------------
def ramp(author: User, *percents: float, key: str = "shop.open") -> list[PlannedChange]:
    steps = [(percent, NOW + timedelta(hours=hour)) for hour, percent in enumerate(percents, 1)]
    return plan_ramp(key=key, steps=steps, author=author, reason="slowly")


def shares() -> list[float]:
    return [rule.percent for rule in definition_of("shop.open").rules]


def test_ramp__goes_step_by_step(make_flag: MakeFlag, author: User) -> None:
    make_flag("shop.open", rules=[{"id": "staff", "constraints": []}])
    plans = ramp(author, 5, 25, 100)

    seen = []
    for hour in (1, 2, 3):
        assert run_planned_changes(at=NOW + timedelta(hours=hour)) == 1
        seen.append(shares())

    assert seen == [[100, 5], [100, 25], [100, 100]]
    assert {state_of(each) for each in plans} == {PlanState.APPLIED}


def test_ramp_of_a_site_that_was_away__catches_up_in_order(make_flag: MakeFlag, author: User) -> None:
    flag = make_flag("shop.open")
    ramp(author, 5, 25, 100)

    assert run_planned_changes(at=NOW + timedelta(days=1)) == 3

    done = flag.changes.order_by("id")[1:]
    assert [change.after["rules"][0].get("percent", 100) for change in done] == [5, 25, 100]


def test_ramp_of_a_protected_flag__is_approved_as_a_whole(make_flag: MakeFlag, author: User, second: User) -> None:
    make_flag("shop.open", protected=True)
    plans = ramp(author, 5, 25)

    approve_plan(plan=plans[0], approver=second, at=NOW)

    assert {state_of(each) for each in plans} == {PlanState.APPROVED}
    assert run_planned_changes(at=NOW + timedelta(days=1)) == 2
    assert shares() == [25]


def test_step_that_is_added_after_the_approval__waits_for_its_own(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], author: User, second: User
) -> None:
    make_flag("shop.open", protected=True)
    (first,) = ramp(author, 5)
    approve_plan(plan=first, approver=second, at=NOW)
    rules = [{**first.patch["rules"][0], "percent": 100.0}]

    added = plan(patch={"rules": rules}, run_at=LATER, after=first)

    assert run_planned_changes(at=LATER) == 1
    assert (state_of(added), shares()) == (PlanState.PROPOSED, [5])


def test_approval_of_the_first__is_none_of_ones_own_step(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], author: User, second: User
) -> None:
    make_flag("shop.open", protected=True)
    (first,) = ramp(author, 5)
    own = plan(patch={"guard": ["A"]}, run_at=LATER, after=first, author=second)

    approve_plan(plan=first, approver=second, at=NOW)

    assert (state_of(first), state_of(own)) == (PlanState.APPROVED, PlanState.PROPOSED)


def test_alert_in_the_midst_of_a_ramp__ends_it(make_flag: MakeFlag, author: User) -> None:
    make_flag("shop.open", guard=["CheckoutErrors"])
    plans = ramp(author, 5, 25, 100)
    run_planned_changes(at=SOON)

    guard_flags(alerts=["CheckoutErrors"], reason="CheckoutErrors fires")

    assert run_planned_changes(at=NOW + timedelta(days=1)) == 0
    assert [state_of(each) for each in plans] == ["applied", "failed", "failed"]
    assert not definition_of("shop.open").enabled


def test_step_that_is_called_off__takes_those_after_it_along(make_flag: MakeFlag, author: User) -> None:
    make_flag("shop.open")
    plans = ramp(author, 5, 25, 100)

    cancel_plan(plan=plans[1], actor=author)

    assert [state_of(each) for each in plans] == ["approved", "cancelled", "cancelled"]


@pytest.mark.parametrize("percents", [[], [5, 101], [5, 5], [-1]])
def test_ramp_that_makes_no_sense__plans_nothing(make_flag: MakeFlag, author: User, percents: list[float]) -> None:
    make_flag("shop.open")

    with pytest.raises((PlanInvalid, DefinitionInvalid)):
        ramp(author, *percents)

    assert not PlannedChange.objects.exists()


@pytest.mark.parametrize("moment", [NOW, LATER])
def test_step__comes_after_the_one_before_it_and_alone(
    make_flag: MakeFlag, plan: Callable[..., PlannedChange], moment: Any
) -> None:
    make_flag("shop.open")
    first = plan()
    if moment == LATER:
        plan(patch={"guard": ["A"]}, run_at=LATER, after=first)

    with pytest.raises(PlanInvalid):
        plan(patch={"tags": ["a"]}, run_at=moment, after=first)


# --- Guards ---------------------------------------------------------------------------------------------------------
def test_alert__turns_off_what_it_guards_and_nothing_on(make_flag: MakeFlag) -> None:
    make_flag("a", enabled=True, guard=["One", "Two"], protected=True)
    make_flag("b", enabled=False, guard=["One"])
    make_flag("c", enabled=True, guard=["Three"])

    off = guard_flags(alerts=["One", "Other"], reason="One fires")

    assert [flag.key for flag in off] == ["a"]
    assert dict(Flag.objects.values_list("key", "enabled")) == {"a": False, "b": False, "c": True}
    change = off[0].changes.first()
    assert change
    assert (change.source, change.reason, change.actor) == (FlagSource.ALERT, "One fires", None)
    assert guard_flags(alerts=["One"], reason="again") == []


def test_protected_flag_turned_on_by_hand__is_refused(make_flag: MakeFlag, author: User) -> None:
    make_flag("shop.open", protected=True)

    with pytest.raises(ApprovalNeeded):
        set_flag(key="shop.open", enabled=True, actor=author, source=FlagSource.API, reason="sale")
