"""A flag made ready to answer: everything that no context can change is worked out once."""

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import accumulate
from typing import Any

from flags.answers import Answer, Cause, Reason
from flags.choices import FlagType
from flags.conditions import Part, Segments, conjunction, moment_of, parts_of
from flags.context import Context, reader, subject_reader
from flags.definition import AT_RANDOM, OFF, ON, Override, Rule, Share
from flags.document import FlagState
from flags.hashing import spot
from flags.metrics import tally

Pick = Callable[[Context], Answer]
targeting_key_of = reader("targetingKey")


class Prerequisite:
    """Another flag's answer that this one needs."""

    __slots__ = ("flag", "key", "on", "variants")

    def __init__(self, key: str, flag: "CompiledFlag | None", *, on: bool, variants: Sequence[str]) -> None:
        self.key = key
        self.flag = flag
        self.on = on
        self.variants = frozenset(variants)

    def met(self, context: Context) -> bool:
        """A flag that nobody knows meets nothing."""
        if self.flag is None:
            return False
        answer = self.flag.answer(context)
        return answer.on is self.on and (not self.variants or answer.variant in self.variants)


class CompiledRule:
    """Parts that must all hold, and what is answered then."""

    __slots__ = ("hit", "parts", "pick", "rule")

    def __init__(self, rule: Rule, parts: Sequence[Part], pick: Pick) -> None:
        self.rule = rule
        self.parts = parts
        self.hit = conjunction([part.test for part in parts])
        self.pick = pick


class CompiledFlag:
    """`static`, if the flag says the same to everybody; `answer(context)` in any case."""

    __slots__ = (
        *("fallthrough", "keyless", "off", "overrides", "pick", "prerequisites"),
        *("rules", "state", "static", "unmet"),
    )

    def __init__(
        self, key: str, state: FlagState, segments: Segments, find: "Callable[[str], CompiledFlag | None]"
    ) -> None:
        says = Speaker(key, state)
        self.state = state
        self.off = says.off(Reason.DISABLED)
        self.unmet = says.off(Reason.DISABLED, cause=Cause.PREREQUISITE)
        self.fallthrough = says.variant(state.fallthrough_variant, Reason.DEFAULT)
        self.keyless = says.variant(state.fallthrough_variant, Reason.DEFAULT, cause=Cause.NO_KEY)
        self.static: Answer | None = self.off
        self.prerequisites: list[Prerequisite] = []
        self.overrides: dict[str, tuple[Answer, datetime | None]] = {}
        self.rules: list[CompiledRule] = []
        self.pick: Pick = lambda context: self.off
        if state.enabled:
            self.compile(says, segments, find)

    def compile(self, says: "Speaker", segments: Segments, find: "Callable[[str], CompiledFlag | None]") -> None:
        state = self.state
        self.prerequisites = [
            Prerequisite(each.flag, find(each.flag), on=each.on, variants=each.variants) for each in state.prerequisites
        ]
        self.overrides = {each.subject: (says.override(each), each.expires_at) for each in state.overrides}
        self.rules = [
            CompiledRule(rule, [*parts_of(rule, says.salt(rule.salt), segments)], says.rule(rule))
            for rule in state.rules
        ]
        self.static, self.pick = says.on()
        if self.prerequisites or self.overrides or self.rules:
            self.static = None

    def answer(self, context: Context) -> Answer:
        if self.static is not None:
            return self.static
        for required in self.prerequisites:
            if not required.met(context):
                return self.unmet
        if self.overrides and (said := self.override_of(context)):
            return said
        if not self.rules:
            return self.pick(context)
        keyless = False
        for rule in self.rules:
            hit = rule.hit(context)
            if hit:
                return rule.pick(context)
            if hit is None:
                keyless = True
        return self.keyless if keyless else self.fallthrough

    def override_of(self, context: Context) -> Answer | None:
        """What is said for this subject and still counts."""
        answer, expires_at = self.overrides.get(str(targeting_key_of(context)), (None, None))
        return answer if expires_at is None or moment_of(context) < expires_at else None


class Speaker:
    """Makes the answers of one flag."""

    def __init__(self, key: str, state: FlagState) -> None:
        self.key = key
        self.state = state
        self.boolean = state.type == FlagType.BOOLEAN
        self.values: dict[str, Any] = (
            {ON: True, OFF: False} if self.boolean else {each.key: each.value for each in state.variants}
        )

    def variant(self, name: str, reason: Reason, *, rule: str = "", cause: Cause = Cause.NONE) -> Answer:
        """Of a variant; none: of the caller's default. Raises KeyError for one that the flag doesn't have."""
        value = self.values[name] if name else None
        on = value is True if self.boolean else name not in {"", self.state.off_variant}
        counted = tally(self.key, name, reason)
        return Answer(value=value, variant=name, reason=reason, on=on, tally=counted, rule=rule, cause=cause)

    def off(self, reason: Reason, *, cause: Cause = Cause.NONE) -> Answer:
        """A boolean that is off says so, whatever the code has as default."""
        return self.variant(self.state.off_variant or (OFF if self.boolean else ""), reason, cause=cause)

    def override(self, override: Override) -> Answer:
        return self.variant(override.variant, Reason.TARGETING_MATCH, cause=Cause.OVERRIDE)

    def on(self) -> tuple[Answer | None, Pick]:
        """What the flag says while it is on and no rule has a say: always the same, or by who asks."""
        if self.state.on_variant:
            answer = self.variant(self.state.on_variant, Reason.STATIC)
            return answer, lambda context: answer
        return None, self.split(self.state.on_split, self.salt(), self.state.stickiness, rule="")

    def rule(self, rule: Rule) -> Pick:
        """What is said when a rule hits."""
        if rule.split:
            return self.split(rule.split, self.salt(rule.salt), rule.stickiness, rule=rule.id)
        name = rule.variant or self.state.on_variant
        if not name:
            return self.split(self.state.on_split, self.salt(), self.state.stickiness, rule=rule.id)
        reason = Reason.SPLIT if rule.percent < 100 else Reason.TARGETING_MATCH
        answer = self.variant(name, reason, rule=rule.id)
        return lambda context: answer

    def split(self, shares: Sequence[Share], salt: str, stickiness: str, *, rule: str) -> Pick:
        """One of several variants, by weight. Who has no key gets the off value, though the flag is on for them."""
        living = [share for share in shares if share.weight]
        answers = [self.variant(share.variant, Reason.SPLIT, rule=rule) for share in living]
        if len(answers) == 1:
            return lambda context: answers[0]
        off = self.variant(self.state.off_variant, Reason.DEFAULT, rule=rule, cause=Cause.NO_KEY)
        keyless = replace(off, on=bool(answers))
        bounds = [*accumulate(share.weight for share in living)]
        draw = spots(salt, stickiness, bounds[-1] if bounds else 0)

        def pick(context: Context) -> Answer:
            drawn = draw(context)
            return keyless if drawn is None else answers[bisect_right(bounds, drawn)]

        return pick

    def salt(self, own: str = "") -> str:
        return own or self.state.salt or self.key


def spots(salt: str, stickiness: str, weights: int) -> Callable[[Context], int | None]:
    """Where a subject stands in a split; None: nobody knows."""
    if not weights:
        return lambda context: None
    if stickiness == AT_RANDOM:
        return lambda context: random.randrange(weights)  # noqa: S311  a draw, no secret
    subject = subject_reader(stickiness)

    def draw(context: Context) -> int | None:
        key = subject(context)
        return None if key is None else spot(salt, key, weights)

    return draw
