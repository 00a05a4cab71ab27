from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from flags.errors import FlagExists, FlagKeyInvalid
from flags.models import Flag, FlagSet
from flags.services import create_flag
from flags.tests.conftest import NOBODY, facts_of

pytestmark = pytest.mark.django_db


def test_new_flag__is_off_with_one_line_of_history() -> None:
    flag = create_flag(key="checkout.new_flow", description="One page", tags=["q4"], **NOBODY)

    flag.refresh_from_db()
    assert (flag.enabled, flag.version, flag.tags) == (False, 1, ["q4"])
    assert [(change.before, change.after) for change in flag.changes.all()] == [(None, facts_of(flag))]


@pytest.mark.parametrize("key", ["", ".", "a.", ".a", "a..b", "a b", "a/b", "a\n", "-a", "a" * 151])
def test_bad_name__is_refused(key: str) -> None:
    with pytest.raises(FlagKeyInvalid):
        create_flag(key=key, **NOBODY)

    assert not Flag.objects.exists()


def test_name_that_is_taken__is_refused(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open")
    before = FlagSet.objects.get().version

    with pytest.raises(FlagExists):
        make_flag("shop.open")

    assert FlagSet.objects.get().version == before


@pytest.mark.parametrize(
    "fields",
    [{"key": "a b"}, {"key": "a", "kind": "mood"}, {"key": "a", "enabled": True, "archived_at": timezone.now()}],
)
def test_row_that_breaks_a_rule__is_refused_by_the_database(fields: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Flag.objects.create(**fields)


def test_second_set__is_refused_by_the_database() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        FlagSet.objects.create(pk=2)
