"""Changes of flags: each locks the set, raises its version, leaves a record, and is announced."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack, cast

import msgspec
from django.db import transaction

from accounts.models import User
from coupon_site.tracing import request_id
from events import publish_many
from flags.definition import Definition
from flags.errors import FlagArchived, FlagExists, FlagKeyInvalid, FlagUnknown, ReasonRequired
from flags.events import FlagChanged
from flags.models import Flag, FlagChange, FlagSet
from flags.queries import definition_of, definitions
from flags.registry import Declaration, declared, hint, is_key
from flags.services.propagation import locked_set, publish_flags


class FlagFields(TypedDict, total=False):
    """What may be set on a flag."""

    description: str
    owner: str
    tags: list[str]
    kind: str
    enabled: bool
    protected: bool
    client_visible: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """Who changes something, by which door, and why."""

    actor: User | None
    source: str
    reason: str


@transaction.atomic
def set_flag(*, key: str, enabled: bool, actor: User | None, source: str, reason: str = "") -> Flag:
    """Turn a flag on or off; nothing happens when it is so already. A declared flag is made when it is missing.

    Raises FlagUnknown, FlagArchived, ReasonRequired.
    """
    flag_set = locked_set()
    origin = Origin(actor, source, reason)
    if key in declared and not Flag.objects.filter(key=key).exists():
        _create(flag_set, [flag_of(declared[key])], origin)
    return _change(flag_set, key, origin, {"enabled": enabled})


@transaction.atomic
def create_flag(*, key: str, actor: User | None, source: str, reason: str = "", **fields: Unpack[FlagFields]) -> Flag:
    """A new flag, off unless said otherwise. Raises FlagKeyInvalid, FlagExists."""
    if not is_key(key):
        raise FlagKeyInvalid(f"{key!r} can't be the name of a flag.")
    flag_set = locked_set()
    if Flag.objects.filter(key=key).exists():
        raise FlagExists(f"There is a flag {key!r} already.")
    flag = Flag(key=key, **fields)
    _create(flag_set, [flag], Origin(actor, source, reason))
    return flag


@transaction.atomic
def update_flag(*, key: str, actor: User | None, source: str, reason: str = "", **fields: Unpack[FlagFields]) -> Flag:
    """Change what is said of a flag, if it differs. Raises FlagUnknown, FlagArchived, ReasonRequired."""
    return _change(locked_set(), key, Origin(actor, source, reason), {**fields})


@transaction.atomic
def archive_flag(*, key: str, at: datetime, actor: User | None, source: str, reason: str = "") -> Flag:
    """Put a flag away: off for good, and out of the way. Raises FlagUnknown, ReasonRequired."""
    flag_set, flag = locked_set(), find(key)
    if flag.archived_at is not None:
        return flag
    return _change(flag_set, key, Origin(actor, source, reason), {"archived_at": at, "enabled": False})


@transaction.atomic
def restore_flag(*, key: str, actor: User | None, source: str, reason: str = "") -> Flag:
    """Take an archived flag out again; it is off. Raises FlagUnknown, ReasonRequired."""
    return _change(locked_set(), key, Origin(actor, source, reason), {"archived_at": None})


@transaction.atomic
def sync_declared(*, actor: User | None, source: str) -> list[Flag]:
    """Make the declared flags that are missing, with their defaults; what exists is an operator's and stays."""
    flag_set = locked_set()
    existing = set(Flag.objects.filter(key__in=declared).values_list("key", flat=True))
    flags = [flag_of(declaration) for key, declaration in declared.items() if key not in existing]
    if flags:
        _create(flag_set, flags, Origin(actor, source, "declared in the code"))
    return flags


def find(key: str) -> Flag:
    """The flag, or FlagUnknown with what was probably meant."""
    try:
        return Flag.objects.get(key=key)
    except Flag.DoesNotExist:
        known = {*Flag.objects.living().values_list("key", flat=True), *declared}
        raise FlagUnknown(f"There is no flag {key!r}. {hint(key, known)}".rstrip()) from None


def flag_of(declaration: Declaration) -> Flag:
    """A flag as its declaration has it, not yet in the database."""
    return Flag(
        key=declaration.key,
        enabled=declaration.default,
        description=declaration.description,
        kind=declaration.kind,
    )


def _create(flag_set: FlagSet, flags: Sequence[Flag], origin: Origin) -> None:
    for flag in flags:
        flag.version = 1
    Flag.objects.bulk_create(flags)
    _record(flag_set, [(flag, None) for flag in flags], origin)


def _change(flag_set: FlagSet, key: str, origin: Origin, values: dict[str, Any]) -> Flag:
    """Change one flag under the set's lock, or leave everything as it is when there is no difference."""
    flag = find(key)
    before = definition_of(key)
    changed = [name for name, value in values.items() if getattr(flag, name) != value]
    for name in changed:
        setattr(flag, name, values[name])
    if not changed:
        return flag
    refuse_unless_allowed(before, flag, origin)
    flag.version += 1
    flag.save(update_fields=[*changed, "version", "updated_at"])
    _record(flag_set, [(flag, before)], origin)
    return flag


def refuse_unless_allowed(before: Definition, flag: Flag, origin: Origin) -> None:
    """Raises FlagArchived when an archived flag would go on, ReasonRequired for a silent change of a protected one."""
    if flag.enabled and flag.archived_at is not None:
        raise FlagArchived(f"{flag.key} is archived.")
    if before.protected and not origin.reason.strip():
        raise ReasonRequired(f"{flag.key} is protected: give a reason.")


def _record(flag_set: FlagSet, written: Sequence[tuple[Flag, Definition | None]], origin: Origin) -> None:
    """The new version of the set, a line of history and an event per flag, and Redis once it is committed."""
    flag_set.version += 1
    flag_set.save(update_fields=["version"])
    after = definitions(Flag.objects.filter(pk__in=[flag.pk for flag, _ in written]))
    changes = [change_of(flag, before, after[flag.key], flag_set.version, origin) for flag, before in written]
    FlagChange.objects.bulk_create(changes)
    publish_many([event_of(change, origin.actor) for change in changes])
    # A committed change stands, whatever becomes of its way to Redis: the reconciler goes after it.
    transaction.on_commit(publish_flags, robust=True)


def change_of(flag: Flag, before: Definition | None, after: Definition, set_version: int, origin: Origin) -> FlagChange:
    return FlagChange(
        flag=flag,
        set_version=set_version,
        actor=origin.actor,
        source=origin.source,
        reason=origin.reason.strip()[:200],
        before=before and plain(before),
        after=plain(after),
        request_id=request_id.get(),
    )


def plain(definition: Definition) -> dict[str, Any]:
    """As the history keeps it (JSON)."""
    return cast("dict[str, Any]", msgspec.to_builtins(definition))


def event_of(change: FlagChange, actor: User | None) -> FlagChanged:
    return FlagChanged(
        flag=change.flag.key,
        enabled=change.flag.enabled,
        kind=change.flag.kind,
        version=change.flag.version,
        set_version=change.set_version,
        changed=tuple(change.changed),
        source=change.source,
        reason=change.reason,
        actor=actor.public_id if actor else None,
    )
