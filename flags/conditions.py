"""What must hold for a rule to hit."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from flags.context import Context, reader, subject_reader
from flags.definition import AT_RANDOM, BY_DEFAULT, Constraint, Rule
from flags.hashing import POSITIONS, position
from flags.operators import moment, never, question, understood

# True: it holds; False: not; None: nobody knows, as the context does not say for whom.
Test = Callable[[Context], bool | None]
Segments = Mapping[str, tuple[Constraint, ...]]
time_of = reader("currentTime")


class Window(NamedTuple):
    """From its start until before its end."""

    starts_at: datetime | None
    ends_at: datetime | None

    def is_open(self, context: Context) -> bool:
        at = moment_of(context)
        return (self.starts_at is None or self.starts_at <= at) and (self.ends_at is None or at < self.ends_at)


class Drawing(NamedTuple):
    """The share of subjects that a percentage hits."""

    salt: str
    stickiness: str
    percent: float

    def test(self) -> Test:
        limit = round(self.percent * 1000)
        if not limit:
            return never
        if self.stickiness == AT_RANDOM:
            return lambda context: random.randrange(POSITIONS) < limit  # noqa: S311  a draw, no secret
        salt, subject = self.salt, subject_reader(self.stickiness)

        def drawn(context: Context) -> bool | None:
            key = subject(context)
            return None if key is None else position(salt, key) < limit

        return drawn


class Part(NamedTuple):
    """One test of a rule, and what it is a test of: a constraint, a segment's name, a window or a share."""

    subject: Constraint | str | Window | Drawing
    test: Test


def parts_of(rule: Rule, salt: str, segments: Segments) -> Iterator[Part]:
    """What must hold for a rule to hit, what costs most last."""
    if rule.starts_at or rule.ends_at:
        window = Window(rule.starts_at, rule.ends_at)
        yield Part(window, window.is_open)
    for constraint in rule.constraints:
        yield Part(constraint, question(constraint))
    for name in rule.segments:
        yield Part(name, all_of(segments.get(name)))
    # All of a field's values are not all subjects: who has none is in no share, as Unleash has it.
    if rule.percent < 100 or rule.stickiness not in {BY_DEFAULT, AT_RANDOM}:
        drawing = Drawing(salt, rule.stickiness, rule.percent)
        yield Part(drawing, drawing.test())


def conjunction(tests: Sequence[Test]) -> Test:
    """All tests; what the first that does not hold says."""
    if len(tests) == 1:
        return tests[0]

    def hold(context: Context) -> bool | None:
        verdict: bool | None = True
        for test in tests:
            verdict = test(context)
            if not verdict:
                break
        return verdict

    return hold


def all_of(constraints: Sequence[Constraint] | None) -> Test:
    """All constraints of a segment; one that nobody knows has nobody in it."""
    if constraints is None:
        return never
    return conjunction([question(constraint) for constraint in constraints])


def moment_of(context: Context) -> datetime:
    """The time that the context names, else now."""
    return understood(moment, time_of(context)) or datetime.now(UTC)
