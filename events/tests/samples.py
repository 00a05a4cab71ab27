"""Facts and handlers that only tests know."""

from dataclasses import dataclass, field
from uuid import UUID

from events.events import Event


@dataclass(frozen=True, kw_only=True)
class Moved(Event):
    """Seen by staff and by its owner."""

    name = "sample.moved"
    channel = "events:orders"
    aggregate = "thing"

    thing: UUID
    step: int
    owner: UUID | None = None
    secret: str = field(default="", metadata={"private": True})

    def audience(self) -> tuple[str, ...]:
        return (f"user:{self.owner}",) if self.owner else ()


@dataclass(frozen=True, kw_only=True)
class Switched(Event):
    """Seen by staff only."""

    name = "sample.switched"
    channel = "events:flags"
    aggregate = "flag"

    flag: str


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """For handlers only."""

    name = "sample.noted"
    aggregate = "thing"

    thing: UUID
