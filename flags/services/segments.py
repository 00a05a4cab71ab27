"""Segments: written like flags, under the same lock, with the same history."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import msgspec
from django.db import transaction

from accounts.models import User
from coupon_site.tracing import request_id
from events import publish
from flags.definition import SegmentDefinition
from flags.errors import (
    ApprovalNeeded,
    ChangedMeanwhile,
    DefinitionInvalid,
    FlagKeyInvalid,
    SegmentInUse,
    SegmentUnknown,
)
from flags.events import SegmentChanged
from flags.models import Flag, FlagChange, FlagSet, Segment
from flags.registry import hint, is_key
from flags.services.edits import converted
from flags.services.propagation import locked_set, publish_flags
from flags.services.validation import constraint_problems
from flags.services.writing import Origin


@transaction.atomic
def write_segment(  # noqa: PLR0913  as change_flag
    *,
    key: str,
    patch: Mapping[str, Any],
    actor: User | None,
    source: str,
    reason: str = "",
    seen: datetime | None = None,
) -> Segment:
    """Make a segment, or give it another description or other constraints; an archived one comes back.

    Raises FlagKeyInvalid, DefinitionInvalid, ChangedMeanwhile when it was changed after what the writer has `seen` (its
    `updated_at`), and ApprovalNeeded where a protected flag goes by it: make a new segment then, and plan its use.
    """
    if not is_key(key):
        raise FlagKeyInvalid(f"{key!r} can't be the name of a segment.")
    flag_set = locked_set()
    segment = Segment.objects.filter(key=key).first()
    if segment is not None and seen is not None and segment.updated_at != seen:
        raise ChangedMeanwhile(f"{key} was changed at {segment.updated_at.isoformat()}.")
    before = None if segment is None else plain_segment(segment)
    after = checked({**(before or {}), **patch, "key": key})
    if segment is not None and before == after and segment.archived_at is None:
        return segment
    if segment is not None and before and before["constraints"] != after["constraints"]:
        refuse_where_protected(segment)
    segment = segment or Segment(key=key)
    segment.description, segment.constraints, segment.archived_at = after["description"], after["constraints"], None
    segment.save()
    record_segment(flag_set, segment, before, after, Origin(actor, source, reason))
    return segment


@transaction.atomic
def remove_segment(*, key: str, at: datetime, actor: User | None, source: str, reason: str = "") -> Segment:
    """Put a segment away that no rule uses. Raises SegmentUnknown, SegmentInUse."""
    flag_set = locked_set()
    segment = find_segment(key)
    if users := used_by(segment):
        raise SegmentInUse(f"{key} is used by {', '.join(users[:10])}.", flags=users)
    segment.archived_at = at
    segment.save(update_fields=["archived_at", "updated_at"])
    before = plain_segment(segment)
    after = {**before, "archived_at": at.isoformat()}
    record_segment(flag_set, segment, before, after, Origin(actor, source, reason))
    return segment


def find_segment(key: str) -> Segment:
    segment = Segment.objects.living().filter(key=key).first()
    if segment is None:
        known = Segment.objects.living().values_list("key", flat=True)
        raise SegmentUnknown(f"There is no segment {key!r}. {hint(key, known)}".rstrip())
    return segment


def used_by(segment: Segment) -> list[str]:
    """The flags with a rule that names it."""
    return list(Flag.objects.filter(rules__segments=segment).order_by("key").distinct().values_list("key", flat=True))


def refuse_where_protected(segment: Segment) -> None:
    """Who may get a protected flag must not be widened behind the back of those who approve it."""
    if flags := Flag.objects.filter(rules__segments=segment, protected=True).values_list("key", flat=True)[:1]:
        raise ApprovalNeeded(
            f"{segment.key} decides who gets {flags[0]}, which is protected: make a new segment, and plan its use."
        )


def checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A segment as plain data, with all its fields. Raises DefinitionInvalid."""
    segment = converted(fields, SegmentDefinition)
    problems: dict[str, list[str]] = {}
    for place, message in constraint_problems("constraints", segment.constraints):
        problems.setdefault(place, []).append(message)
    if "\x00" in segment.description or b"\\u0000" in msgspec.json.encode(segment.constraints):
        problems["definition"] = ["Text can't hold the character NUL."]
    if problems:
        raise DefinitionInvalid(" ".join(f"{place}: {each[0]}" for place, each in problems.items()), errors=problems)
    return {"key": segment.key, "description": segment.description, "constraints": plain_constraints(segment)}


def plain_constraints(segment: SegmentDefinition) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", msgspec.json.decode(msgspec.json.encode(segment.constraints)))


def plain_segment(segment: Segment) -> dict[str, Any]:
    """As the history keeps it (JSON)."""
    return {"key": segment.key, "description": segment.description, "constraints": segment.constraints}


def record_segment(
    flag_set: FlagSet, segment: Segment, before: dict[str, Any] | None, after: dict[str, Any], origin: Origin
) -> None:
    """The set's new version, a line of history, an announcement, and Redis once it is committed."""
    flag_set.version += 1
    flag_set.save(update_fields=["version"])
    FlagChange.objects.create(
        segment=segment,
        set_version=flag_set.version,
        actor=origin.actor,
        source=origin.source,
        reason=origin.reason.strip()[:200],
        before=before,
        after=after,
        request_id=request_id.get(),
    )
    publish(
        SegmentChanged(
            segment=segment.key,
            set_version=flag_set.version,
            source=origin.source,
            reason=origin.reason.strip()[:200],
            actor=origin.actor.public_id if origin.actor else None,
        )
    )
    # As for flags: the reconciler goes after it.
    transaction.on_commit(publish_flags, robust=True)
