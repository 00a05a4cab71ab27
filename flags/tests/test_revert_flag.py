from collections.abc import Callable

import pytest

from flags.errors import ApprovalNeeded, ChangedMeanwhile, ChangeUnknown, NothingBefore
from flags.models import Flag, FlagSet
from flags.queries import definition_of
from flags.services import archive_flag, change_flag, revert_flag, revert_patch
from flags.tests.conftest import NOBODY

pytestmark = pytest.mark.django_db

RULE = {"id": "a", "percent": 5, "starts_at": "2026-12-01T09:00:00Z"}


@pytest.fixture
def history(make_flag: Callable[..., Flag]) -> None:
    """Made at version 1, ruled at 2, described at 3, turned on at 4."""
    make_flag("shop.open", tags=["a"])
    for patch in ({"rules": [RULE]}, {"description": "Orders"}, {"enabled": True}):
        change_flag(key="shop.open", patch=patch, **NOBODY)


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("change", [2, 3, 4])
def test_revert__brings_back_what_was_before_the_change(change: int) -> None:
    then = revert_patch(key="shop.open", change=change)

    flag = revert_flag(key="shop.open", change=change, **NOBODY, reason="it was better")

    now = definition_of("shop.open")
    assert (len(now.rules), now.description, now.enabled) == (change > 2, "Orders" if change > 3 else "", False)
    assert now.tags == ("a",)
    reverted = flag.changes.first()
    assert reverted
    assert reverted.changed.keys() == then.keys()
    assert FlagSet.objects.get().version == 5


@pytest.mark.usefixtures("history")
def test_revert_of_a_revert__is_as_it_was() -> None:
    before = definition_of("shop.open")
    revert_flag(key="shop.open", change=2, **NOBODY)

    revert_flag(key="shop.open", change=5, **NOBODY)

    assert definition_of("shop.open") == before


@pytest.mark.usefixtures("history")
def test_revert__says_what_it_can_not_do() -> None:
    with pytest.raises(NothingBefore):
        revert_flag(key="shop.open", change=1, **NOBODY)
    with pytest.raises(ChangeUnknown):
        revert_flag(key="shop.open", change=99, **NOBODY)
    with pytest.raises(ChangedMeanwhile):
        revert_flag(key="shop.open", change=3, expected_version=2, **NOBODY)

    assert FlagSet.objects.get().version == 4


@pytest.mark.usefixtures("history")
def test_archived_flag__comes_back_as_it_was() -> None:
    flag = Flag.objects.get()
    archive_flag(key="shop.open", at=flag.updated_at, **NOBODY)

    revert_flag(key="shop.open", change=5, **NOBODY)

    now = definition_of("shop.open")
    assert (now.archived_at, now.enabled) == (None, True)


def test_revert_of_a_kill__needs_a_second_person(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", protected=True, enabled=True)
    change_flag(key="shop.open", patch={"enabled": False}, **NOBODY, reason="it burns")

    with pytest.raises(ApprovalNeeded):
        revert_flag(key="shop.open", change=2, **NOBODY, reason="it burns no more")
