"""A flag as it is and as it shall be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar, cast

import msgspec
from msgspec.structs import asdict, replace

from flags.definition import Definition, Rule
from flags.errors import ChangedMeanwhile, DefinitionInvalid
from flags.models import Flag
from flags.queries import flags_with_definitions, unknown_flag

T = TypeVar("T")
FIELDS = Definition.__struct_fields__


@dataclass(frozen=True)
class Edit:
    """A write of one flag; `before` None: it is not there yet."""

    flag: Flag
    before: Definition | None
    after: Definition

    @cached_property
    def changed(self) -> tuple[str, ...]:
        """The fields that differ."""
        return FIELDS if self.before is None else differences(self.before, self.after)


def differences(before: Definition, after: Definition) -> tuple[str, ...]:
    return tuple(name for name in FIELDS if getattr(before, name) != getattr(after, name))


def edit_of(key: str, patch: Mapping[str, Any], *, expected_version: int | None = None) -> Edit:
    """The flag and its patch. Raises FlagUnknown with what was probably meant, ChangedMeanwhile, DefinitionInvalid."""
    for flag, before in flags_with_definitions([key]):
        if expected_version is not None and flag.version != expected_version:
            raise ChangedMeanwhile(f"{key} is at version {flag.version}, not {expected_version}.", version=flag.version)
        return Edit(flag, normal(before), patched(before, patch))
    raise unknown_flag(key)


def new(definition: Definition) -> Edit:
    """A flag that is not there yet."""
    return Edit(Flag(key=definition.key), None, definition)


def patched(before: Definition, patch: Mapping[str, Any]) -> Definition:
    """The definition with other fields, of plain data or of structs. Raises DefinitionInvalid."""
    if patch.get("key", before.key) != before.key:
        raise DefinitionInvalid("A flag keeps its name.", errors={"key": ["Code asks for it by this name."]})
    return defined({**asdict(before), **patch})


def defined(fields: Mapping[str, Any]) -> Definition:
    """A definition of plain data, in its normal order. Raises DefinitionInvalid."""
    return normal(converted(fields, Definition))


def converted(fields: Mapping[str, Any], kind: type[T]) -> T:
    """A struct of plain data or of structs, which are checked as well. Raises DefinitionInvalid with the place."""
    try:
        return msgspec.convert(msgspec.to_builtins(dict(fields)), kind)
    except (msgspec.ValidationError, TypeError) as error:
        message, _, place = str(error).partition(" - at `$.")
        raise DefinitionInvalid(str(error), errors={place.rstrip("`") or "definition": [message]}) from error


def normal(definition: Definition) -> Definition:
    """As it comes back from the tables: what has no order of its own in one order, moments in UTC."""
    return replace(
        definition,
        rules=tuple(map(normal_rule, definition.rules)),
        overrides=tuple(
            replace(each, expires_at=in_utc(each.expires_at))
            for each in sorted(definition.overrides, key=lambda each: each.subject)
        ),
        prerequisites=tuple(sorted(definition.prerequisites, key=lambda each: each.flag)),
        review_at=in_utc(definition.review_at),
        archived_at=in_utc(definition.archived_at),
    )


def normal_rule(rule: Rule) -> Rule:
    return replace(
        rule,
        percent=round(float(rule.percent), 3),
        segments=tuple(sorted(set(rule.segments))),
        starts_at=in_utc(rule.starts_at),
        ends_at=in_utc(rule.ends_at),
    )


def in_utc(moment: datetime | None) -> datetime | None:
    """Raises DefinitionInvalid for a moment that lies before the first year, or after the last, in UTC."""
    try:
        return moment and moment.astimezone(UTC)
    except OverflowError as error:
        raise DefinitionInvalid(f"{moment} is out of range.", errors={"definition": [str(error)]}) from error


def plain(definition: Definition) -> dict[str, Any]:
    """As the history and plans keep it (JSON)."""
    return cast("dict[str, Any]", msgspec.json.decode(msgspec.json.encode(definition)))
