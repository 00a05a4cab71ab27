"""The base of every event: a closed, frozen type that is written beside the service that causes it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import Enum
from typing import Any, ClassVar

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

    def payload(self) -> dict[str, Any]:
        """Every field as JSON, for handlers."""
        return {field.name: as_json(getattr(self, field.name)) for field in fields(self)}

    def public_payload(self) -> dict[str, Any]:
        """The fields that browsers may see."""
        return {
            field.name: as_json(getattr(self, field.name))
            for field in fields(self)
            if not field.metadata.get("private")
        }


def as_json(value: Any) -> Any:
    """JSON's own types: times as ISO 8601 with Z, ids and decimals as text."""
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
