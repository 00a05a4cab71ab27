"""What one process answers from: immutable, replaced as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass

from flags.document import Document, FlagState
from flags.metrics import Tally, tally


class Answer:
    """The answer to every check of one flag, worked out once per snapshot."""

    __slots__ = ("tally", "value")

    def __init__(self, *, value: bool, tally: Tally) -> None:
        self.value = value
        self.tally = tally


@dataclass(frozen=True, slots=True)
class Snapshot:
    version: int
    flags: Mapping[str, FlagState]
    answers: Mapping[str, Answer]


def snapshot_of(document: Document) -> Snapshot:
    """The answers of a document. A flag that is off says so itself: a declared default of True can't survive a kill."""
    answers = {key: answer_of(key, state) for key, state in document.flags.items()}
    return Snapshot(document.version, document.flags, answers)


def answer_of(key: str, state: FlagState) -> Answer:
    """Reasons are OpenFeature's."""
    if state.enabled:
        return Answer(value=True, tally=tally(key, "on", "STATIC"))
    return Answer(value=False, tally=tally(key, "off", "DISABLED"))


# Older than any: version 0 is a database without flags.
NOTHING = Snapshot(-1, {}, {})
