"""The base of every event: a closed, frozen type that is written beside the service that causes it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec

RAW = "raw"
"""The type of a payload that was published without an event class."""

TYPES: dict[str, type["Event"]] = {}
"""Every declared event by its name."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """A fact. Fields are its payload; one with `metadata={"private": True}` reaches handlers, but no browser."""

    name: ClassVar[str]
    channel: ClassVar[str | None] = None
    schema_version: ClassVar[int] = 1
    aggregate: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            return  # fields that several events share
        known = TYPES.setdefault(cls.name, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"two events are named {cls.name}: {known!r} and {cls!r}")
        TYPES[cls.name] = cls

    def audience(self) -> tuple[str, ...]:
        """Keys of those who see it beside the holders of the channel's permission, such as `user:<public id>`."""
        return ()

    @property
    def aggregate_id(self) -> str:
        """The id of what the event is about; events of one aggregate are never reordered."""
        return str(getattr(self, self.aggregate))

    def public_fields(self) -> dict[str, Any]:
        """As many of the fields as browsers may see."""
        hidden = hidden_fields(type(self))  # type: ignore[arg-type]  # classes can be hashed
        return {name: value for name, value in vars(self).items() if name not in hidden}

    def payload(self) -> dict[str, Any]:
        """Every field as JSON, for handlers."""
        return {name: as_json(value) for name, value in vars(self).items()}


@cache
def hidden_fields(kind: type[Event]) -> frozenset[str]:
    """Names of the fields that no browser sees."""
    return frozenset(field.name for field in fields(kind) if field.metadata.get("private"))


PLAIN: Final = frozenset({str, int, bool, float, type(None)})


ENCODED: Final = PLAIN | {UUID}
"""What the encoder writes as it should be by itself."""


def document_of(values: Mapping[str, Any]) -> str:
    """Fields as JSON text."""
    plain = {name: value if type(value) in ENCODED else unusual_as_json(value) for name, value in values.items()}
    return msgspec.json.encode(plain).decode()


def as_json(value: Any) -> Any:
    """JSON's own types: times as ISO 8601 with Z, ids and decimals as text."""
    kind = type(value)
    return value if kind in PLAIN else str(value) if kind is UUID else unusual_as_json(value)


def unusual_as_json(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Enum():
            return value.value
        case Mapping():
            return {str(key): as_json(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [as_json(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
