"""Changes of flags, one verb each; all of them end in `write()`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.db import transaction

from accounts.models import User
from flags.choices import FlagKind, FlagSource, FlagType
from flags.definition import Definition
from flags.errors import ChangeUnknown, FlagExists, FlagKeyInvalid, FlagUnknown, NothingBefore
from flags.models import Flag, FlagChange, FlagSet
from flags.queries import flags_with_definitions, unknown_flag
from flags.registry import Declaration, declared, is_key
from flags.services.allowance import refuse_unless_allowed
from flags.services.edits import Edit, defined, differences, edit_of, new, normal, patched, plain
from flags.services.propagation import locked_set
from flags.services.writing import Origin, write


class FlagFields(TypedDict, total=False):
    """What may be said of a flag: the fields of its definition, as structs or as plain data."""

    type: str
    kind: str
    enabled: bool
    description: str
    owner: str
    tags: Sequence[str]
    protected: bool
    client_visible: bool
    guard: Sequence[str]
    review_at: datetime | None
    on_variant: str
    on_split: Sequence[Any]
    off_variant: str
    fallthrough_variant: str
    salt: str
    stickiness: str
    variants: Sequence[Any]
    rules: Sequence[Any]
    overrides: Sequence[Any]
    prerequisites: Sequence[Any]


@transaction.atomic
def change_flag(  # noqa: PLR0913  who changes what, by which door, why, and what they saw
    *,
    key: str,
    patch: Mapping[str, Any],
    actor: User | None,
    source: str,
    reason: str = "",
    expected_version: int | None = None,
) -> Flag:
    """Give a flag's definition other fields, lists as a whole; nothing happens where there is no difference.

    A flag that the code declares is made when it is missing.
    Raises FlagUnknown, ChangedMeanwhile when the flag is not at `expected_version`, DefinitionInvalid, FlagArchived,
    ReasonRequired, and ApprovalNeeded: then the change has to be planned. Turning off never has to.
    """
    flag_set, origin = locked_set(), Origin(actor, source, reason)
    edit = edit_of_declared(flag_set, key, patch, origin, expected_version=expected_version)
    refuse_unless_allowed(edit, reason)
    write(flag_set, [edit], origin)
    return edit.flag


def edit_of_declared(
    flag_set: FlagSet, key: str, patch: Mapping[str, Any], origin: Origin, *, expected_version: int | None
) -> Edit:
    """The flag and its patch; a flag that the code declares, but nobody has made yet, is made. Raises as `edit_of`."""
    try:
        return edit_of(key, patch, expected_version=expected_version)
    except FlagUnknown:
        if key not in declared:
            raise
    write(flag_set, [new(definition_of(declared[key]))], replace(origin, reason="declared in the code"))
    return edit_of(key, patch, expected_version=expected_version)


def set_flag(*, key: str, enabled: bool, actor: User | None, source: str, reason: str = "") -> Flag:
    """Turn a flag on or off; nothing happens when it is so already. Raises as `change_flag`."""
    return change_flag(key=key, patch={"enabled": enabled}, actor=actor, source=source, reason=reason)


@transaction.atomic
def create_flag(*, key: str, actor: User | None, source: str, reason: str = "", **fields: Unpack[FlagFields]) -> Flag:
    """A new flag, off unless said otherwise. Raises FlagKeyInvalid, FlagExists, DefinitionInvalid."""
    if not is_key(key):
        raise FlagKeyInvalid(f"{key!r} can't be the name of a flag.")
    edit = new(defined({"key": key, **fields}))
    flag_set = locked_set()
    if Flag.objects.filter(key=key).exists():
        raise FlagExists(f"There is a flag {key!r} already.")
    write(flag_set, [edit], Origin(actor, source, reason))
    return edit.flag


def update_flag(*, key: str, actor: User | None, source: str, reason: str = "", **fields: Unpack[FlagFields]) -> Flag:
    """`change_flag` with the fields as arguments."""
    return change_flag(key=key, patch=fields, actor=actor, source=source, reason=reason)


@transaction.atomic
def archive_flag(*, key: str, at: datetime, actor: User | None, source: str, reason: str = "") -> Flag:
    """Put a flag away: off for good, and out of the way. Raises FlagUnknown, ReasonRequired."""
    locked_set()
    flag = Flag.objects.filter(key=key).first()
    if flag is not None and flag.archived_at is not None:
        return flag
    return change_flag(key=key, patch={"archived_at": at, "enabled": False}, actor=actor, source=source, reason=reason)


def restore_flag(*, key: str, actor: User | None, source: str, reason: str = "") -> Flag:
    """Take an archived flag out again; it is off. Raises FlagUnknown, ReasonRequired, ApprovalNeeded."""
    return change_flag(key=key, patch={"archived_at": None}, actor=actor, source=source, reason=reason)


@transaction.atomic
def turn_off_many(*, keys: Iterable[str], actor: User | None, source: str, reason: str = "") -> list[Flag]:
    """Turn these flags off at one version; answers those that were on. Raises FlagUnknown, ReasonRequired."""
    wanted = [*dict.fromkeys(keys)]
    flag_set = locked_set()
    edits = [off(flag, before) for flag, before in flags_with_definitions(wanted)]
    if missing := {*wanted} - {edit.after.key for edit in edits}:
        raise unknown_flag(min(missing))
    for edit in edits:
        refuse_unless_allowed(edit, reason)
    return [edit.flag for edit in write(flag_set, edits, Origin(actor, source, reason))]


@transaction.atomic
def guard_flags(*, alerts: Sequence[str], reason: str) -> list[Flag]:
    """Turn off what these alerts guard, whoever protects it; never on. Answers the flags that were on."""
    flag_set = locked_set()
    guarded = Flag.objects.filter(enabled=True, guard__overlap=[*alerts]).values_list("key", flat=True)
    edits = [off(flag, before) for flag, before in flags_with_definitions([*guarded])]
    return [edit.flag for edit in write(flag_set, edits, Origin(None, FlagSource.ALERT, reason))]


def off(flag: Flag, definition: Definition) -> Edit:
    before = normal(definition)
    return Edit(flag, before, patched(before, {"enabled": False}))


def revert_patch(*, key: str, change: int) -> dict[str, Any]:
    """What brings a flag back to how it was before the change at this version of the set, as plain data.

    Raises FlagUnknown, ChangeUnknown, NothingBefore.
    """
    now = edit_of(key, {})
    found = FlagChange.objects.filter(flag=now.flag, set_version=change).first()
    if found is None:
        raise ChangeUnknown(f"{key} was not changed at version {change}.")
    if found.before is None:
        raise NothingBefore(f"{key} was made at version {change}.")
    then = defined(found.before)
    return {name: plain(then)[name] for name in differences(now.after, then)}


@transaction.atomic
def revert_flag(  # noqa: PLR0913  as change_flag
    *,
    key: str,
    change: int,
    actor: User | None,
    source: str,
    reason: str = "",
    expected_version: int | None = None,
) -> Flag:
    """Bring a flag back to how it was before a change (its version of the set), as a change like any other.

    Raises what `change_flag` and `revert_patch` raise.
    """
    locked_set()
    patch = revert_patch(key=key, change=change)
    return change_flag(
        key=key, patch=patch, actor=actor, source=source, reason=reason, expected_version=expected_version
    )


@transaction.atomic
def sync_declared(*, actor: User | None, source: str) -> list[Flag]:
    """Make the declared flags that are missing, with their defaults; what exists is an operator's and stays."""
    flag_set = locked_set()
    existing = set(Flag.objects.filter(key__in=declared).values_list("key", flat=True))
    edits = [new(definition_of(each)) for key, each in declared.items() if key not in existing]
    return [edit.flag for edit in write(flag_set, edits, Origin(actor, source, "declared in the code"))]


def definition_of(declaration: Declaration) -> Definition:
    """A flag as the code declares it: one that is not boolean has one variant, and is on."""
    said = {"key": declaration.key, "description": declaration.description, "kind": declaration.kind}
    if declaration.type == FlagType.BOOLEAN:
        return defined({**said, "enabled": declaration.default})
    return defined(
        {
            **said,
            "type": declaration.type,
            "enabled": True,
            "variants": [{"key": "default", "value": declaration.default}],
            "on_variant": "default",
            "fallthrough_variant": "default",
            "off_variant": "default" if declaration.kind == FlagKind.KILL_SWITCH else "",
        }
    )
