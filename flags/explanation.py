"""Why a subject gets an answer: every step of an evaluation, in words. Also for a definition that nobody has saved."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flags.answers import Answer, Evaluation
from flags.compilation import CompiledFlag, CompiledRule, Prerequisite
from flags.conditions import Drawing, Part, Window
from flags.context import Context, ambient, reader, subject_reader
from flags.current import current
from flags.definition import AT_RANDOM, Constraint, Definition, Operator
from flags.document import state_of
from flags.evaluation import evaluation_of
from flags.hashing import position
from flags.operators import question
from flags.registry import declared
from flags.snapshot import Snapshot

WORDS = {
    Operator.IN: "is one of",
    Operator.NOT_IN: "is none of",
    Operator.STR_CONTAINS: "contains one of",
    Operator.STR_STARTS_WITH: "starts with one of",
    Operator.STR_ENDS_WITH: "ends with one of",
    Operator.NUM_EQ: "=",
    Operator.NUM_GT: ">",
    Operator.NUM_GTE: "≥",
    Operator.NUM_LT: "<",
    Operator.NUM_LTE: "≤",
    Operator.DATE_AFTER: "is after",
    Operator.DATE_BEFORE: "is before",
    Operator.SEMVER_EQ: "is version",
    Operator.SEMVER_GT: "is a version after",
    Operator.SEMVER_GTE: "is a version from",
    Operator.SEMVER_LT: "is a version before",
    Operator.SEMVER_LTE: "is a version up to",
    Operator.REGEX: "matches",
    Operator.IN_CIDR: "is an address in",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was looked at. Verdict: whether it held; None: it was not reached, or nobody can know."""

    kind: str  # switch, prerequisite, override, rule, window, constraint, segment, share, answer
    name: str
    verdict: bool | None
    why: str
    parts: tuple["Step", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    evaluation: Evaluation
    steps: tuple[Step, ...]


def explain(name: str, context: Context | None = None, *, draft: Definition | None = None) -> Explanation | None:
    """How a flag, or a draft of it, answers a subject; nothing is counted. None for a name that no flag has.

    Whatever is drawn at random is drawn anew by each explanation.
    """
    snapshot = current.get()
    if draft is not None:
        snapshot = snapshot.with_flag(name, state_of(draft))
    return explain_in(snapshot, name, ambient() if context is None else context)


def explain_in(snapshot: Snapshot, name: str, context: Context) -> Explanation | None:
    flag = snapshot.flag(name)
    if flag is None:
        return None
    answer = flag.answer(context)
    default = declared[name].default if name in declared else None
    return Explanation(
        evaluation=evaluation_of(answer, flag, snapshot, default),
        steps=(*steps(flag, answer, snapshot, context), answered(answer)),
    )


def steps(flag: CompiledFlag, answer: Answer, snapshot: Snapshot, context: Context) -> Iterator[Step]:
    """In the order in which they count; the first that decides is the last that has a verdict."""
    on = flag.state.enabled
    yield Step(
        kind="switch", name="", verdict=on, why="The flag is on" if on else "The flag is off, whatever else is set"
    )
    if not on:
        return
    for required in flag.prerequisites:
        yield of_prerequisite(required, context)
    if answer is flag.unmet:
        return
    if override := flag.override_of(context):
        yield Step(kind="override", name="", verdict=True, why=f"An override says {override.variant} for this subject")
        return
    reached = True
    for rule in flag.rules:
        step = of_rule(rule, answer, snapshot, context) if reached else not_reached(rule)
        reached = reached and not step.verdict
        yield step


def of_prerequisite(required: Prerequisite, context: Context) -> Step:
    wanted = "on" if required.on else "off"
    if required.variants:
        wanted += f" with {' or '.join(sorted(required.variants))}"
    if required.flag is None:
        why = f"There is no flag {required.key}, which must be {wanted}"
    else:
        found = required.flag.answer(context)
        why = f"{required.key} is {'on' if found.on else 'off'} with {found.variant or 'no variant'}, wanted: {wanted}"
    return Step(kind="prerequisite", name=required.key, verdict=required.met(context), why=why)


def of_rule(rule: CompiledRule, answer: Answer, snapshot: Snapshot, context: Context) -> Step:
    parts = tuple(of_part(part, snapshot, context) for part in rule.parts)
    hit = answer.rule == rule.rule.id  # as it was decided: chance would say something else now
    missed = [part.why for part in parts if not part.verdict]
    why = "Everything holds" if hit else missed[0] if missed else "Chance said no"
    return Step(kind="rule", name=rule.rule.name or rule.rule.id, verdict=hit, why=why, parts=parts)


def not_reached(rule: CompiledRule) -> Step:
    return Step(kind="rule", name=rule.rule.name or rule.rule.id, verdict=None, why="An earlier rule has decided")


def of_part(part: Part, snapshot: Snapshot, context: Context) -> Step:
    match part.subject:
        case Constraint() as constraint:
            return of_constraint(constraint, context)
        case Window() as window:
            name = f"from {window.starts_at or 'ever'} until {window.ends_at or 'further notice'}"
            verdict = part.test(context)
            return Step(
                kind="window", name=name, verdict=verdict, why="It is time" if verdict else "It is not the time"
            )
        case Drawing() as drawing:
            return Step(
                kind="share", name=f"{drawing.percent:g} %", verdict=part.test(context), why=where(drawing, context)
            )
    return of_segment(str(part.subject), part, snapshot, context)


def of_constraint(constraint: Constraint, context: Context) -> Step:
    value = reader(constraint.field)(context)
    why = f"The context has no {constraint.field}" if value is None else f"{constraint.field} is {value}"
    return Step(kind="constraint", name=phrase(constraint), verdict=question(constraint)(context), why=why)


def of_segment(name: str, part: Part, snapshot: Snapshot, context: Context) -> Step:
    verdict = part.test(context)
    constraints = snapshot.segments.get(name)
    if constraints is None:
        return Step(kind="segment", name=name, verdict=verdict, why=f"There is no segment {name}")
    parts = tuple(of_constraint(constraint, context) for constraint in constraints)
    why = f"{'In' if verdict else 'Not in'} the segment {name}"
    return Step(kind="segment", name=name, verdict=verdict, why=why, parts=parts)


def where(drawing: Drawing, context: Context) -> str:
    """Where a subject stands in a share."""
    if drawing.stickiness == AT_RANDOM:
        return "Drawn by chance, at each check"
    key = subject_reader(drawing.stickiness)(context)
    if key is None:
        wanted = "user or session" if drawing.stickiness == "default" else drawing.stickiness
        return f"The context has no {wanted} to draw for"
    return f"{key} stands at {position(drawing.salt, key) / 1000:.3f} %, hit below {drawing.percent:g} %"


def phrase(constraint: Constraint) -> str:
    """A constraint, read aloud."""
    values = ", ".join(constraint.values) or "nothing"
    case = ", upper or lower case" if constraint.case_insensitive else ""
    return f"{'not: ' if constraint.inverted else ''}{constraint.field} {WORDS[constraint.operator]} {values}{case}"


def answered(answer: Answer) -> Step:
    said: Any = f"{answer.variant}: {answer.value!r}" if answer.said else "whatever the code has as default"
    return Step(kind="answer", name=answer.variant, verdict=answer.on, why=f"Answer: {said} ({answer.reason})")
