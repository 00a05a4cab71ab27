from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from flags.choices import FlagKind, StaleReason
from flags.models import CodeReference, Flag, FlagUsage
from flags.services import archive_flag
from flags.staleness import stale_flags
from flags.tests.conftest import NOBODY

pytestmark = pytest.mark.django_db

AT = timezone.now() + timedelta(days=400)
MakeFlag = Callable[..., Flag]


def reasons(at: Any = AT) -> dict[str, set[str]]:
    return {stale.flag.key: set(stale.reasons) for stale in stale_flags(at)}


def use(flag: Flag, *, days_ago: int, variant: str = "on", count: int = 5) -> None:
    day = (AT - timedelta(days=days_ago)).date()
    FlagUsage.objects.create(flag=flag, day=day, variant=variant, reason="STATIC", count=count, last_seen_at=AT)


@pytest.mark.parametrize(("kind", "days"), [("release", 40), ("experiment", 40), ("operational", 180)])
def test_flag_older_than_its_kind__is_stale(make_flag: MakeFlag, kind: str, days: int) -> None:
    made = make_flag("a", kind=kind).created_at

    assert reasons(made + timedelta(days=days, seconds=-1)) == {}
    assert reasons(made + timedelta(days=days)) == {"a": {StaleReason.LIFETIME}}


@pytest.mark.parametrize("kind", [FlagKind.KILL_SWITCH, FlagKind.PERMISSION])
def test_flag_that_is_there_for_good__never_is(make_flag: MakeFlag, kind: str) -> None:
    flag = make_flag("a", kind=kind)
    for days_ago in (1, 60):
        use(flag, days_ago=days_ago)

    assert reasons() == {}


def test_review_that_is_due__is_a_reason(make_flag: MakeFlag) -> None:
    make_flag("a", kind="permission", review_at=AT)

    assert reasons(AT - timedelta(seconds=1)) == {}
    assert reasons() == {"a": {StaleReason.REVIEW}}


def test_flag_that_nobody_asks_for__is_silent_where_others_are_counted(make_flag: MakeFlag) -> None:
    make_flag("a", kind="permission")
    other = make_flag("b", kind="permission")
    assert reasons() == {}  # nothing is counted at all

    use(other, days_ago=60)
    use(other, days_ago=29)

    assert reasons() == {"a": {StaleReason.SILENT}}


def test_same_answer_for_long__is_a_reason_until_another_comes(make_flag: MakeFlag) -> None:
    flag = make_flag("a", kind="operational")
    use(flag, days_ago=200, variant="off")
    use(flag, days_ago=20)
    assert StaleReason.SETTLED in reasons()["a"]

    use(flag, days_ago=3, variant="off")

    assert StaleReason.SETTLED not in reasons()["a"]


def test_flag_that_was_just_changed__has_not_settled(make_flag: MakeFlag) -> None:
    flag = make_flag("a", kind="operational")
    Flag.objects.update(created_at=flag.created_at - timedelta(days=100))
    day = (flag.created_at - timedelta(days=60)).date()
    for each in (day, flag.created_at.date()):
        FlagUsage.objects.create(flag=flag, day=each, variant="on", reason="STATIC", count=1, last_seen_at=AT)

    assert reasons(flag.created_at + timedelta(days=1)) == {}


def test_flag_that_no_code_names__is_a_reason_once_the_code_was_scanned(make_flag: MakeFlag) -> None:
    make_flag("a", kind="permission")
    make_flag("b", kind="permission")
    CodeReference.objects.create(key="b", path="x.py", line=1, text="", seen_at=AT)

    assert reasons() == {"a": {StaleReason.UNREFERENCED}}


def test_flag_whose_code_is_still_to_come__is_not_stale(make_flag: MakeFlag) -> None:
    flag = make_flag("a", kind="permission")
    CodeReference.objects.create(key="b", path="x.py", line=1, text="", seen_at=AT)

    assert reasons(flag.created_at + timedelta(days=1)) == {}


def test_archived_flag__is_gone_already(make_flag: MakeFlag) -> None:
    make_flag("a")
    archive_flag(key="a", at=AT, **NOBODY)

    assert reasons() == {}


def test_statements__do_not_grow_with_the_flags(
    make_flag: MakeFlag, django_assert_num_queries: Callable[..., Any]
) -> None:
    for number in range(10):
        use(make_flag(f"f{number}"), days_ago=60)

    with django_assert_num_queries(5):
        assert len(stale_flags(AT)) == 10
