"""Many flags at once, from a file or from another system's tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from accounts.models import User
from flags.choices import FlagSource
from flags.definition import Definition, SegmentDefinition
from flags.models import Flag, Segment
from flags.queries import flags_with_definitions
from flags.services.allowance import needs_approval
from flags.services.edits import Edit, new, normal
from flags.services.propagation import locked_set
from flags.services.segments import write_segment
from flags.services.writing import Origin, write


@dataclass
class Imported:
    """What an import did with each flag and segment."""

    made: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # there already, and nobody asked to overwrite it
    protected: list[str] = field(default_factory=list)  # to be planned instead
    segments: list[str] = field(default_factory=list)


@transaction.atomic
def import_definitions(
    *,
    definitions: Sequence[Definition],
    segments: Sequence[SegmentDefinition] = (),
    actor: User | None,
    reason: str = "",
    overwrite: bool = False,
) -> Imported:
    """Make these flags and segments, all or none; those that exist are an operator's and stay, unless `overwrite`.

    Raises DefinitionInvalid with every problem of every flag.
    """
    flag_set = locked_set()
    done = Imported(segments=import_segments(segments, actor, reason, overwrite=overwrite))
    existing = {flag.key: (flag, before) for flag, before in flags_with_definitions([each.key for each in definitions])}
    edits = []
    for definition in map(normal, definitions):
        edit = edit_to(definition, existing.get(definition.key))
        if (wanted := outcome(edit, done, overwrite=overwrite)) is not None:
            wanted.append(definition.key)
            edits.append(edit)
    flag_set.refresh_from_db()  # segments have versions, too
    write(flag_set, edits, Origin(actor, FlagSource.IMPORT, reason))
    return done


def edit_to(definition: Definition, existing: tuple[Flag, Definition] | None) -> Edit:
    if existing is None:
        return new(definition)
    flag, before = existing
    return Edit(flag, normal(before), definition)


def outcome(edit: Edit, done: Imported, *, overwrite: bool) -> list[str] | None:
    """The list of what is written; what is not written is noted here."""
    if edit.before is None:
        return done.made
    if not edit.changed:
        done.same.append(edit.after.key)
    elif not overwrite:
        done.kept.append(edit.after.key)
    elif needs_approval(edit):
        done.protected.append(edit.after.key)
    else:
        return done.changed
    return None


def import_segments(
    segments: Sequence[SegmentDefinition], actor: User | None, reason: str, *, overwrite: bool
) -> list[str]:
    existing = set(Segment.objects.living().values_list("key", flat=True))
    wanted = [each for each in segments if overwrite or each.key not in existing]
    for segment in wanted:
        patch = {"description": segment.description, "constraints": segment.constraints}
        write_segment(key=segment.key, patch=patch, actor=actor, source=FlagSource.IMPORT, reason=reason)
    return [each.key for each in wanted]
