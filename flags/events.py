"""What the flags announce."""

from dataclasses import dataclass
from uuid import UUID

from events import Event


@dataclass(frozen=True, kw_only=True)
class FlagChanged(Event):
    """A flag was made or changed; `changed` names what."""

    name = "flag.changed"
    channel = "events:flags"
    aggregate = "flag"

    flag: str
    enabled: bool
    kind: str
    version: int
    set_version: int
    changed: tuple[str, ...]
    source: str
    reason: str
    actor: UUID | None
