"""Who changed a flag: every change in words, each of which can be taken back."""

from dataclasses import dataclass

from flags.admin.words import Line, differences
from flags.models import Flag, FlagChange

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Entry:
    change: FlagChange
    lines: list[Line]

    @property
    def said(self) -> str:
        return "; ".join(map(str, self.lines))


def history_of(flag: Flag, *, everything: bool = False) -> list[Entry]:
    """The newest first."""
    changes = flag.changes.select_related("actor").order_by("-id")
    return [entry_of(change) for change in (changes if everything else changes[:SHOWN])]


def entry_of(change: FlagChange) -> Entry:
    return Entry(change, differences(change.before, change.after))


def since(flag: Flag, version: int) -> tuple[FlagChange | None, list[Line]]:
    """The last change of a flag, and what all changes since its `version` come to."""
    count = max(flag.version - version, 1)
    changes = list(flag.changes.select_related("actor").order_by("-id")[:count])
    if not changes:
        return None, []
    return changes[0], differences(changes[-1].before, changes[0].after)
