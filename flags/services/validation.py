"""What a definition must fulfil beyond its shape; every problem is named, with its place."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from flags.choices import FlagKind, FlagType
from flags.definition import Constraint, Definition, Rule, Share
from flags.errors import DefinitionInvalid, FlagArchived
from flags.operators import check
from flags.registry import is_key
from flags.services.edits import Edit
from flags.services.surroundings import Surroundings, variants_of

Problem = tuple[str, str]

# A document of all flags travels to every process at each change.
MOST = {"variants": 100, "rules": 100, "overrides": 1000, "prerequisites": 20, "tags": 50, "guard": 50}
MOST_CONSTRAINTS = 50
MOST_VALUES = 1000
DEEPEST = 5
LARGEST = 2**53
LENGTHS = {"owner": 120, "salt": 150, "stickiness": 100}
FITS: Mapping[FlagType, type | tuple[type, ...]] = {
    FlagType.STRING: str,
    FlagType.NUMBER: (int, float),
    FlagType.OBJECT: dict,
}


def refuse_invalid(edits: Sequence[Edit]) -> None:
    """Raises FlagArchived, DefinitionInvalid. Turning a flag on or off asks the database nothing."""
    around = Surroundings(edits)
    problems: dict[str, list[str]] = {}
    for edit in edits:
        if edit.after.enabled and edit.after.archived_at is not None:
            raise FlagArchived(f"{edit.after.key} is archived.")
        prefix = f"{edit.after.key}: " if len(edits) > 1 else ""
        for place, message in problems_of(edit, around):
            problems.setdefault(prefix + place, []).append(message)
    if problems:
        detail = " ".join(f"{place}: {message}" for place, messages in problems.items() for message in messages)
        raise DefinitionInvalid(detail[:1000], errors=problems)


def problems_of(edit: Edit, around: Surroundings) -> Iterator[Problem]:
    after = edit.after
    if not is_key(after.key):
        yield "key", "Letters, digits, _ and -, with dots between."
    if b"\\u0000" in msgspec.json.encode(after):
        yield "definition", "Text can't hold the character NUL."
    yield from limits(after)
    yield from variant_problems(after)
    yield from served(after)
    for place, rule in enumerate(after.rules):
        for field, message in rule_problems(rule, after):
            yield f"rules[{place}]{field}", message
    yield from repeated("rules", [rule.id for rule in after.rules])
    yield from override_problems(after)
    if "rules" in edit.changed:
        yield from segment_problems(after, around)
    if "prerequisites" in edit.changed:
        yield from prerequisite_problems(after, around)
    if edit.before and {"variants", "type"} & {*edit.changed}:
        yield from dependant_problems(after, around)


def limits(after: Definition) -> Iterator[Problem]:
    for name, most in MOST.items():
        if len(getattr(after, name)) > most:
            yield name, f"At most {most}."
    for name, longest in LENGTHS.items():
        if len(getattr(after, name)) > longest:
            yield name, f"At most {longest} characters."
    for name, longest in (("tags", 50), ("guard", 100)):
        if not all(0 < len(text) <= longest for text in getattr(after, name)):
            yield name, f"Texts of 1 to {longest} characters."
    if not after.stickiness:
        yield "stickiness", "Say who keeps the same answer."


def variant_problems(after: Definition) -> Iterator[Problem]:
    if after.type == FlagType.BOOLEAN:
        if after.variants:
            yield "variants", "A boolean flag has the variants on and off, and no others."
        return
    if not after.variants:
        yield "variants", "A flag that is not boolean needs at least one variant."
    for place, variant in enumerate(after.variants):
        if not 0 < len(variant.key) <= 100:
            yield f"variants[{place}].key", "1 to 100 characters."
        if not fits(variant.value, after.type):
            yield f"variants[{place}].value", f"This is no {after.type}, or a number in it is too large."
    yield from repeated("variants", [variant.key for variant in after.variants])


def fits(value: object, kind: FlagType) -> bool:
    """Whether a value is of the flag's type."""
    return isinstance(value, FITS[kind]) and not isinstance(value, bool) and is_exact(value)


def is_exact(value: object) -> bool:
    """Whether every number in it means the same to whoever reads JSON."""
    match value:
        case bool():
            return True
        case int() | float():
            return abs(value) <= LARGEST  # false for infinity and for what is no number
        case dict():
            return all(map(is_exact, value.values()))
        case list():
            return all(map(is_exact, value))
    return True


def served(after: Definition) -> Iterator[Problem]:
    """What the flag answers while it is on, off, or nobody's rule hits."""
    said = after.type == FlagType.BOOLEAN or after.kind == FlagKind.KILL_SWITCH
    if said and not after.off_variant:
        yield "off_variant", "What is answered while it is off has to be said."
    if said and not after.fallthrough_variant:
        yield "fallthrough_variant", "What is answered when no rule hits has to be said."
    if not after.on_variant and not after.on_split:
        yield "on_variant", "Name a variant, or a split."
    for name in ("on_variant", "off_variant", "fallthrough_variant"):
        if getattr(after, name) not in {"", *variants_of(after)}:
            yield name, no_variant(getattr(after, name))
    yield from split_problems("on_split", after.on_split, after)


def split_problems(place: str, split: Sequence[Share], after: Definition) -> Iterator[Problem]:
    if split and not sum(share.weight for share in split):
        yield place, "Somebody must get something: the weights are all 0."
    for number, share in enumerate(split):
        if share.variant not in variants_of(after):
            yield f"{place}[{number}].variant", no_variant(share.variant)
    yield from repeated(place, [share.variant for share in split])


def rule_problems(rule: Rule, after: Definition) -> Iterator[Problem]:
    for name, longest in (("id", 36), ("name", 150), ("salt", 150), ("stickiness", 100)):
        if len(getattr(rule, name)) > longest:
            yield f".{name}", f"At most {longest} characters."
    if not rule.id:
        yield ".id", "A rule needs a name for life."
    if not rule.stickiness:
        yield ".stickiness", "Say who keeps the same answer."
    if rule.starts_at and rule.ends_at and rule.starts_at >= rule.ends_at:
        yield ".ends_at", "It ends before it begins."
    if rule.variant and rule.variant not in variants_of(after):
        yield ".variant", no_variant(rule.variant)
    yield from split_problems(".split", rule.split, after)
    yield from constraint_problems(".constraints", rule.constraints)


def constraint_problems(place: str, constraints: Sequence[Constraint]) -> Iterator[Problem]:
    if len(constraints) > MOST_CONSTRAINTS:
        yield place, f"At most {MOST_CONSTRAINTS}."
    for number, constraint in enumerate(constraints):
        if len(constraint.values) > MOST_VALUES:
            yield f"{place}[{number}].values", f"At most {MOST_VALUES}: make it a field of the context."
            continue
        try:
            check(constraint)
        except ValueError as error:
            yield f"{place}[{number}]", str(error)


def override_problems(after: Definition) -> Iterator[Problem]:
    for place, override in enumerate(after.overrides):
        if not 0 < len(override.subject) <= 200:
            yield f"overrides[{place}].subject", "1 to 200 characters."
        if len(override.reason) > 200:
            yield f"overrides[{place}].reason", "At most 200 characters."
        if override.variant not in variants_of(after):
            yield f"overrides[{place}].variant", no_variant(override.variant)
    yield from repeated("overrides", [override.subject for override in after.overrides])


def segment_problems(after: Definition, around: Surroundings) -> Iterator[Problem]:
    for place, rule in enumerate(after.rules):
        for segment in rule.segments:
            if segment not in around.segments:
                yield f"rules[{place}].segments", f"There is no segment {segment!r}."


def prerequisite_problems(after: Definition, around: Surroundings) -> Iterator[Problem]:
    yield from repeated("prerequisites", [each.flag for each in after.prerequisites])
    for place, each in enumerate(after.prerequisites):
        if each.flag not in around.types:
            yield f"prerequisites[{place}].flag", f"There is no flag {each.flag!r}."
        elif missing := {*each.variants} - around.variants_of(each.flag):
            yield f"prerequisites[{place}].variants", f"{each.flag} has no variant {min(missing)!r}."
    if after.prerequisites and (depth := depth_through(after.key, around.required)) > DEEPEST:
        circle = depth == math.inf
        yield "prerequisites", "These flags would wait for each other." if circle else f"At most {DEEPEST} in a row."


def depth_through(key: str, required: Mapping[str, Iterable[str]]) -> float:
    """Steps of the longest chain of prerequisites through a flag, as far as it matters; infinite for a circle."""
    dependants: dict[str, list[str]] = defaultdict(list)
    for flag, needs in required.items():
        for need in needs:
            dependants[need].append(flag)
    return longest(key, required, frozenset()) + longest(key, dependants, frozenset())


def longest(key: str, steps: Mapping[str, Iterable[str]], seen: frozenset[str]) -> float:
    if key in seen:
        return math.inf
    if len(seen) > DEEPEST:
        return 0
    return max((1 + longest(each, steps, seen | {key}) for each in steps.get(key, ())), default=0)


def dependant_problems(after: Definition, around: Surroundings) -> Iterator[Problem]:
    for flag, needs in around.required.items():
        if missing := {*needs.get(after.key, ())} - variants_of(after):
            yield "variants", f"{flag} waits for the variant {min(missing)!r}."


def no_variant(name: str) -> str:
    return f"There is no variant {name!r}."


def repeated(place: str, names: Iterable[str]) -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            yield place, f"{name!r} is there {count} times."
