"""What one process answers from: replaced as a whole, its flags compiled when they are first asked for."""

from collections.abc import Mapping

from flags.answers import Answer
from flags.compilation import CompiledFlag
from flags.context import Context
from flags.definition import Constraint
from flags.document import Document, FlagState


class Snapshot:
    """All flags at one version."""

    __slots__ = ("compiled", "flags", "segments", "static", "version")

    def __init__(
        self, version: int, flags: Mapping[str, FlagState], segments: Mapping[str, tuple[Constraint, ...]]
    ) -> None:
        self.version = version
        self.flags = flags
        self.segments = segments
        # Both grow; an entry never changes.
        self.compiled: dict[str, CompiledFlag] = {}
        self.static: dict[str, Answer] = {}  # of flags that say the same to everybody

    def flag(self, key: str) -> CompiledFlag | None:
        """A flag, ready to answer; None when there is none of this name."""
        found = self.compiled.get(key)
        if found is None and (found := self._compile(key, ())):
            self.compiled[key] = found
            if found.static:
                self.static[key] = found.static
        return found

    def answer(self, key: str, context: Context) -> Answer | None:
        """What a flag says; None when there is none of this name."""
        flag = self.compiled.get(key) or self.flag(key)
        return None if flag is None else flag.static or flag.answer(context)

    def with_flag(self, key: str, state: FlagState) -> "Snapshot":
        """These flags, one of them changed."""
        return Snapshot(self.version, {**self.flags, key: state}, self.segments)

    def _compile(self, key: str, above: tuple[str, ...]) -> CompiledFlag | None:
        """A flag and those it needs. Services refuse circles; here one that raw SQL made ends as a flag unknown."""
        state = self.flags.get(key)
        if state is None or key in above:
            return None
        return CompiledFlag(key, state, self.segments, lambda required: self._compile(required, (*above, key)))


def snapshot_of(document: Document) -> Snapshot:
    return Snapshot(document.version, document.flags, document.segments)


# Older than any: version 0 is a database without flags.
NOTHING = Snapshot(-1, {}, {})
