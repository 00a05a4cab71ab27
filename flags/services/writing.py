"""How flags are written: under the lock of their set, by whole definitions, in as many statements for many as for one.

Each write raises the set's version, leaves a line of history per flag, ends the plans that it overtook, and is
announced; Redis is told once it is committed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from coupon_site.tracing import request_id
from events import publish_many
from flags.events import FlagChanged
from flags.models import Flag, FlagChange, FlagSet
from flags.services.edits import Edit, plain
from flags.services.parts import column_values, save_parts
from flags.services.plan_endings import end_overtaken
from flags.services.propagation import publish_flags
from flags.services.validation import refuse_invalid


@dataclass(frozen=True, slots=True)
class Origin:
    """Who changes something, by which door, and why."""

    actor: User | None
    source: str
    reason: str = ""


def write(flag_set: FlagSet, edits: Sequence[Edit], origin: Origin, *, apart_from: Collection[int] = ()) -> list[Edit]:
    """Make flags what they shall be; answers the edits that made a difference. Plans `apart_from` are not overtaken.

    Raises DefinitionInvalid, FlagArchived. Whether the change is allowed has been asked before.
    """
    edits = [edit for edit in edits if edit.changed]
    if not edits:
        return []
    refuse_invalid(edits)
    flag_set.version += 1
    flag_set.save(update_fields=["version"])
    save_columns(edits)
    save_parts(edits)
    record([change_of(edit, flag_set.version, origin) for edit in edits])
    end_overtaken(edits, apart_from=apart_from)
    return edits


def save_columns(edits: Iterable[Edit]) -> None:
    """One INSERT for those that are new, one UPDATE for the rest."""
    new: list[Flag] = []
    old: list[Flag] = []
    fields = {"version", "updated_at"}
    for edit in edits:
        for name, value in column_values(edit.after, edit.changed).items():
            setattr(edit.flag, name, value)
            fields.add(name)
        edit.flag.version += 1
        edit.flag.updated_at = timezone.now()
        (old if edit.before else new).append(edit.flag)
    if new:
        Flag.objects.bulk_create(new)
    if len(old) == 1:
        old[0].save(update_fields=fields)
    elif old:
        Flag.objects.bulk_update(old, fields)


def record(changes: Sequence[FlagChange]) -> None:
    """The history, the announcements, and Redis once it is committed."""
    FlagChange.objects.bulk_create(changes)
    publish_many([event_of(change) for change in changes])
    # A committed change stands, whatever becomes of its way to Redis: the reconciler goes after it.
    transaction.on_commit(publish_flags, robust=True)


def change_of(edit: Edit, set_version: int, origin: Origin) -> FlagChange:
    return FlagChange(
        flag=edit.flag,
        set_version=set_version,
        actor=origin.actor,
        source=origin.source,
        reason=origin.reason.strip()[:200],
        before=edit.before and plain(edit.before),
        after=plain(edit.after),
        request_id=request_id.get(),
    )


def event_of(change: FlagChange) -> FlagChanged:
    assert change.flag  # noqa: S101  of a flag's change
    return FlagChanged(
        flag=change.flag.key,
        enabled=change.flag.enabled,
        kind=change.flag.kind,
        version=change.flag.version,
        set_version=change.set_version,
        changed=tuple(change.changed),
        source=change.source,
        reason=change.reason,
        actor=change.actor.public_id if change.actor else None,
    )
