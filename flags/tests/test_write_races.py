"""Writers of the same flag at the same instant, each in a process of its own: the lock of the set decides."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from events.models import OutboxEvent
from flags.choices import FlagSource
from flags.models import Approval, Flag, FlagChange, FlagSet, PlannedChange
from flags.queries import definition_of, read_document
from flags.services import (
    approvals,
    approve_plan,
    cancel_plan,
    change_flag,
    changes,
    guard_flags,
    plan_change,
    plan_ramp,
    plans,
    remove_segment,
    run_planned_changes,
    schedule,
    write_segment,
)
from flags.services import create_flag as make
from tests.crowd import KILLED, Crowd, meet
from tests.kills.stages import Stage

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()
MakeFlag = Callable[..., Flag]


# --- In the processes -----------------------------------------------------------------------------------------------
def change(*, patch: dict[str, Any], expected: int | None = None, key: str = "shop.open") -> str:
    change_flag(key=key, patch=patch, actor=None, source=FlagSource.API, expected_version=expected)
    return "changed"


def describe(*, text: str, seen: datetime) -> str:
    write_segment(key="london", patch={"description": text}, actor=None, source=FlagSource.API, seen=seen)
    return "changed"


def create(*, key: str) -> str:
    make(key=key, actor=None, source=FlagSource.API)
    return "made"


def run(*, stage: Stage | None = None) -> int:
    if stage:
        stage.arm()
    return run_planned_changes(at=NOW)


def run_one(*, plan: int) -> bool:
    return schedule.run_one(plan, at=NOW)


def approve(*, plan: int, approver: int) -> str:
    return approve_plan(plan=PlannedChange.objects.get(pk=plan), approver=User.objects.get(pk=approver), at=NOW).state


def cancel(*, plan: int) -> str:
    return cancel_plan(plan=PlannedChange.objects.get(pk=plan), actor=None).state


def remove(*, segment: str) -> str:
    remove_segment(key=segment, at=NOW, actor=None, source=FlagSource.API)
    return "removed"


def guard(*, alerts: list[str]) -> int:
    return len(guard_flags(alerts=alerts, reason="it fires"))


def unguarded() -> None:
    """Nobody takes the lock, and nobody goes on before all have read."""
    edit_of = changes.edit_of

    def read_together(*args: Any, **named: Any) -> Any:
        edit = edit_of(*args, **named)
        meet()
        return edit

    for module in (changes, plans, schedule, approvals):
        module.locked_set = lambda: FlagSet.objects.get_or_create(pk=1)[0]
    changes.edit_of = read_together


def unguarded_plans() -> None:
    """As `unguarded`; and plans are found without locks, together."""
    unguarded()
    edit_of_plan = schedule.edit_of_plan

    def read_together(plan: PlannedChange) -> Any:
        edit = edit_of_plan(plan)
        meet()
        return edit

    schedule.edit_of_plan = read_together
    schedule.PlannedChange = Unlocked


class Unlocked:
    """PlannedChange, whose rows nobody waits for."""

    @staticmethod
    def due(at: Any) -> Any:
        found = PlannedChange.objects.due(at)
        found.select_for_update = lambda **_: found
        return found

    filter = PlannedChange.objects.filter
    objects: Any


Unlocked.objects = Unlocked


# --- Two writers ----------------------------------------------------------------------------------------------------
def kept() -> dict[str, Any]:
    definition = definition_of("shop.open")
    return {"description": definition.description, "owner": definition.owner}


WRITERS = [partial(change, patch={"description": "new"}), partial(change, patch={"owner": "shop"})]


def test_without_the_lock__a_writer_fails(crowd: Crowd, make_flag: MakeFlag) -> None:
    """The control: if this fails, the next test proves nothing. Only the history's constraint stops the second."""
    make_flag("shop.open")

    assert Counter(crowd.at_once(*WRITERS, unguard=unguarded)) == {"changed": 1, "IntegrityError": 1}


def test_two_writers_of_other_fields__both_stay_and_versions_are_a_row(crowd: Crowd, make_flag: MakeFlag) -> None:
    flag = make_flag("shop.open")

    assert crowd.at_once(*WRITERS) == ["changed", "changed"]

    assert kept() == {"description": "new", "owner": "shop"}
    first, second = flag.changes.order_by("id")[1:]
    assert second.before == first.after
    assert [first.set_version, second.set_version] == [2, 3]
    flag.refresh_from_db()
    assert flag.version == 3


def test_many_writers__leave_one_line_of_history_per_version(crowd: Crowd, make_flag: MakeFlag) -> None:
    make_flag("shop.open")
    make_flag("other")

    answers = crowd.at_once(
        *[
            partial(change, patch={"tags": [f"{number}"]}, key=key)
            for number in range(4)
            for key in ("shop.open", "other")
        ]
    )

    assert answers == ["changed"] * 8
    versions = list(FlagChange.objects.order_by("id").values_list("set_version", flat=True))
    assert versions == list(range(1, 11))
    assert FlagSet.objects.get().version == 10
    assert OutboxEvent.objects.filter(event_type="flag.changed").count() == 10


def test_two_who_saw_the_same_version__one_is_told(crowd: Crowd, make_flag: MakeFlag) -> None:
    make_flag("shop.open")

    writers = [partial(change, patch={"description": text}, expected=1) for text in ("one", "two")]

    assert Counter(crowd.at_once(*writers)) == {"changed": 1, "flag_changed_meanwhile": 1}


def test_two_who_saw_the_same_segment__one_is_told(crowd: Crowd) -> None:
    seen = write_segment(key="london", patch={}, actor=None, source=FlagSource.API).updated_at

    answers = crowd.at_once(*[partial(describe, text=text, seen=seen) for text in ("one", "two")])

    assert Counter(answers) == {"changed": 1, "flag_changed_meanwhile": 1}
    assert FlagChange.objects.filter(segment__key="london").count() == 2


def test_circle_made_from_both_ends__one_end_is_refused(crowd: Crowd, make_flag: MakeFlag) -> None:
    make_flag("a")
    make_flag("b")

    answers = crowd.at_once(
        partial(change, key="a", patch={"prerequisites": [{"flag": "b"}]}),
        partial(change, key="b", patch={"prerequisites": [{"flag": "a"}]}),
    )

    assert Counter(answers) == {"changed": 1, "flag_invalid": 1}


def test_circle_without_the_lock__is_made(crowd: Crowd, make_flag: MakeFlag) -> None:
    """The control of the test before; that they meet before one has written is the point."""
    make_flag("a")
    make_flag("b")
    Flag.objects.filter(key="b").update(protected=False)

    crowd.at_once(
        partial(change, key="a", patch={"prerequisites": [{"flag": "b"}]}),
        partial(change, key="b", patch={"prerequisites": [{"flag": "a"}]}),
        unguard=unguarded_validation,
    )

    assert [definition_of(key).prerequisites[0].flag for key in ("a", "b")] == ["b", "a"]


def unguarded_validation() -> None:
    """The rules are asked, then all wait for each other; the rows are written one after the other."""
    from flags.services import writing

    refuse_invalid, save_columns = writing.refuse_invalid, writing.save_columns

    def ask_together(edits: Any) -> None:
        refuse_invalid(edits)
        meet()

    def lock_late(edits: Any) -> None:
        flag_set = FlagSet.objects.select_for_update().get()
        flag_set.version += 1
        flag_set.save(update_fields=["version"])
        save_columns(edits)

    class LateSet(FlagSet):
        class Meta:
            proxy = True
            app_label = "flags"

        def save(self, **_: Any) -> None:  # type: ignore[override]
            """The version is raised later."""

    changes.locked_set = LateSet.objects.get
    writing.refuse_invalid, writing.save_columns = ask_together, lock_late


def test_same_new_flag_twice__is_made_once(crowd: Crowd) -> None:
    answers = crowd.at_once(partial(create, key="new"), partial(create, key="new"))

    assert Counter(answers) == {"made": 1, "flag_exists": 1}


# --- Plans ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def people(make_user: Callable[..., User]) -> list[User]:
    return [make_user() for _ in range(3)]


@pytest.fixture
def plan(make_flag: MakeFlag, people: list[User]) -> Callable[..., PlannedChange]:
    def make_plan(*, patch: Any = None, **fields: Any) -> PlannedChange:
        make_flag("shop.open", **fields)
        return plan_change(key="shop.open", patch=patch or {"enabled": True}, run_at=NOW, author=people[0], reason="x")

    return make_plan


def outcome(plan: PlannedChange) -> tuple[str, int, int]:
    """The plan's state, and how often the flag was changed by plans, and in all (after it was made)."""
    plan.refresh_from_db()
    changes = FlagChange.objects.filter(before__isnull=False)
    return plan.state, changes.filter(source=FlagSource.SCHEDULE).count(), changes.count()


def test_two_workers_without_locks__both_do_the_plan(crowd: Crowd, plan: Callable[..., PlannedChange]) -> None:
    """The control: if this fails, the next test proves nothing. Only the history's constraint stops the second."""
    planned = plan()

    answers = crowd.at_once(*[partial(run_one, plan=planned.pk)] * 2, unguard=unguarded_plans)

    assert Counter(answers) == {True: 1, "IntegrityError": 1}


def test_two_workers__do_a_plan_once(crowd: Crowd, plan: Callable[..., PlannedChange]) -> None:
    planned = plan()

    assert sorted(crowd.at_once(partial(run), partial(run), partial(run))) == [0, 0, 1]

    assert outcome(planned) == ("applied", 1, 1)


def test_plan_and_change_by_hand__whoever_is_second_starts_from_the_first(
    crowd: Crowd, plan: Callable[..., PlannedChange]
) -> None:
    planned = plan()

    done, answer = crowd.at_once(partial(run), partial(change, patch={"description": "new"}))

    assert answer == "changed"
    assert (done, *outcome(planned)) in {(1, "applied", 1, 2), (0, "failed", 0, 1)}
    assert definition_of("shop.open").enabled is bool(done)
    first, *rest = FlagChange.objects.filter(before__isnull=False).order_by("id")
    assert all(second.before == first.after for second in rest)


def test_plan_and_alert__the_flag_is_off_or_the_alert_came_before(
    crowd: Crowd, plan: Callable[..., PlannedChange]
) -> None:
    planned = plan(patch={"rules": []}, enabled=True, guard=["A"], rules=[{"id": "a", "percent": 5}])

    done, off = crowd.at_once(partial(run), partial(guard, alerts=["A"]))

    assert off == 1
    assert not definition_of("shop.open").enabled
    assert (done, *outcome(planned)) in {(1, "applied", 1, 2), (0, "failed", 0, 1)}


def test_two_who_approve__do_it_once(crowd: Crowd, plan: Callable[..., PlannedChange], people: list[User]) -> None:
    planned = plan(protected=True)

    answers = crowd.at_once(*[partial(approve, plan=planned.pk, approver=user.pk) for user in people[1:]])

    assert Counter(answers) == {"applied": 1, "plan_ended": 1}
    assert outcome(planned) == ("applied", 1, 1)
    assert Approval.objects.count() == 1


def test_same_person_twice_at_once__is_one_approval(
    crowd: Crowd, plan: Callable[..., PlannedChange], people: list[User]
) -> None:
    planned = plan(protected=True)
    PlannedChange.objects.update(run_at=NOW + timedelta(days=1))

    answers = crowd.at_once(*[partial(approve, plan=planned.pk, approver=people[1].pk)] * 2)

    assert len(set(answers)) == 1
    assert Approval.objects.count() == 1


def test_approval_and_cancellation__one_of_them_wins(
    crowd: Crowd, plan: Callable[..., PlannedChange], people: list[User]
) -> None:
    planned = plan(protected=True)

    approved, cancelled = crowd.at_once(
        partial(approve, plan=planned.pk, approver=people[1].pk), partial(cancel, plan=planned.pk)
    )

    assert (approved, cancelled) in {("applied", "plan_ended"), ("plan_ended", "cancelled")}
    assert definition_of("shop.open").enabled is (approved == "applied")


def test_three_workers_at_a_ramp_that_is_overdue__do_each_step_once_and_in_order(
    crowd: Crowd, make_flag: MakeFlag, people: list[User]
) -> None:
    flag = make_flag("shop.open")
    moments = [NOW - timedelta(minutes=minutes) for minutes in (3, 2, 1)]
    plan_ramp(key="shop.open", steps=list(zip((5, 25, 50), moments, strict=True)), author=people[0])

    assert sum(crowd.at_once(partial(run), partial(run), partial(run))) == 3

    done = flag.changes.order_by("id")[1:]
    assert [change.after["rules"][0]["percent"] for change in done] == [5, 25, 50]
    assert set(PlannedChange.objects.values_list("state", flat=True)) == {"applied"}


def test_segment_removed_while_a_rule_takes_it__one_of_them_is_refused(crowd: Crowd, make_flag: MakeFlag) -> None:
    make_flag("shop.open")
    write_segment(key="staff", patch={}, actor=None, source=FlagSource.API)

    used, removed = crowd.at_once(
        partial(change, patch={"rules": [{"id": "a", "segments": ["staff"]}]}), partial(remove, segment="staff")
    )

    assert (used, removed) in {("changed", "segment_in_use"), ("flag_invalid", "removed")}
    segments = {name for rule in definition_of("shop.open").rules for name in rule.segments}
    assert segments <= read_document().segments.keys()


# --- Killed half-way ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "stage",
    [
        Stage("flags.services.schedule:write", "before"),
        Stage("flags.services.schedule:write", "after"),
        Stage("flags.services.writing:save_parts", "before"),
        Stage("flags.services.writing:publish_many", "before"),
        Stage("flags.services.schedule:move", "before"),
        Stage("flags.services.schedule:move", "after"),
    ],
    ids=lambda stage: f"{stage.moment}-{stage.target.partition(':')[2]}",
)
def test_worker_killed_before_the_commit__nothing_is_done_and_the_next_one_does_it(
    crowd: Crowd, plan: Callable[..., PlannedChange], stage: Stage
) -> None:
    planned = plan(patch={"enabled": True, "rules": [{"id": "a", "percent": 5}]})

    assert crowd.at_once(partial(run, stage=stage)) == [KILLED]

    assert outcome(planned) == ("approved", 0, 0)
    assert definition_of("shop.open").rules == ()
    assert run_planned_changes(at=NOW) == 1
    assert outcome(planned) == ("applied", 1, 1)


def test_worker_killed_after_the_commit__it_is_not_done_again(crowd: Crowd, plan: Callable[..., PlannedChange]) -> None:
    planned = plan()

    assert crowd.at_once(partial(run, stage=Stage("flags.services.writing:publish_flags", "before"))) == [KILLED]

    assert outcome(planned) == ("applied", 1, 1)
    assert run_planned_changes(at=NOW) == 0
