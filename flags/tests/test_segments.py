from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from events.models import OutboxEvent
from flags.errors import ApprovalNeeded, DefinitionInvalid, FlagKeyInvalid, SegmentInUse, SegmentUnknown
from flags.models import Flag, FlagChange, FlagSet, Segment
from flags.queries import read_document, segment_of
from flags.services import remove_segment, write_segment
from flags.tests.conftest import NOBODY

pytestmark = pytest.mark.django_db

IN_LONDON = {"field": "city", "operator": "IN", "values": ["London"]}


def write(key: str = "london", **patch: Any) -> Segment:
    return write_segment(key=key, patch={"constraints": [IN_LONDON], **patch}, **NOBODY)


def test_segment__travels_with_the_flags_and_has_a_history() -> None:
    segment = write(description="All of London")

    assert read_document().segments == {"london": segment_of("london").constraints}
    change = segment.changes.get()
    assert (change.before, change.after["description"], change.set_version) == (None, "All of London", 1)
    assert OutboxEvent.objects.order_by("-id")[0].event_type == "flag.segment_changed"


def test_same_again__changes_nothing() -> None:
    write()

    write()

    assert FlagSet.objects.get().version == FlagChange.objects.count() == 1


@pytest.mark.parametrize(
    "patch",
    [
        {"constraints": [{"field": "a", "operator": "REGEX", "values": ["("]}]},
        {"constraints": [{"field": "", "operator": "IN"}]},
        {"constraints": "all"},
        {"mood": "good"},
        {"description": "\x00"},
    ],
)
def test_what_can_not_be__is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(DefinitionInvalid):
        write(**patch)

    assert not Segment.objects.exists()


def test_bad_name__is_refused_by_the_service_and_by_the_database() -> None:
    with pytest.raises(FlagKeyInvalid):
        write("a b")
    with pytest.raises(IntegrityError), transaction.atomic():
        Segment.objects.create(key="a b")


def test_segment_in_use__stays(make_flag: Callable[..., Flag]) -> None:
    write()
    make_flag("shop.open", rules=[{"id": "a", "segments": ["london"]}])

    with pytest.raises(SegmentInUse, match=r"shop\.open"):
        remove_segment(key="london", at=timezone.now(), **NOBODY)

    assert "london" in read_document().segments


def test_removed_segment__is_gone_and_may_come_back(make_flag: Callable[..., Flag]) -> None:
    segment = write()

    remove_segment(key="london", at=timezone.now(), **NOBODY)

    assert read_document().segments == {}
    with pytest.raises(SegmentUnknown):
        remove_segment(key="london", at=timezone.now(), **NOBODY)
    with pytest.raises(DefinitionInvalid, match="There is no segment 'london'"):
        make_flag("shop.open", rules=[{"id": "a", "segments": ["london"]}])
    write()
    assert "london" in read_document().segments
    assert segment.changes.count() == 3


def test_who_gets_a_protected_flag__is_not_widened_by_its_segment(make_flag: Callable[..., Flag]) -> None:
    write()
    make_flag("shop.open", rules=[{"id": "a", "segments": ["london"]}], protected=True)

    with pytest.raises(ApprovalNeeded, match=r"shop\.open"):
        write(constraints=[])

    assert write(description="Only said otherwise").description
