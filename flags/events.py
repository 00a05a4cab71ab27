"""What the flags announce."""

from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True, kw_only=True)
class SegmentChanged(Event):
    """A segment was made, changed or put away: flags that go by it may answer otherwise."""

    name = "flag.segment_changed"
    channel = "events:flags"
    aggregate = "segment"

    segment: str
    set_version: int
    source: str
    reason: str
    actor: UUID | None


@dataclass(frozen=True, kw_only=True)
class FlagChangePlanned(Event):
    """A change waits for its moment, and for as many approvals as it lacks."""

    name = "flag.change_planned"
    channel = "events:flags"
    aggregate = "flag"

    flag: str
    plan: UUID
    run_at: datetime
    approvals_needed: int
    reason: str
    actor: UUID | None
