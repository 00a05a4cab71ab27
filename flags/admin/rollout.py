"""Who gets what of a flag, as far as it can be said without asking who is asking."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from flags.choices import FlagType
from flags.definition import OFF, ON, Definition, Rule, Share

BOOLEAN = (ON, OFF)


def is_for_everybody(rule: Rule) -> bool:
    """Whether nothing but its percentage decides."""
    return not (rule.constraints or rule.segments or rule.starts_at or rule.ends_at)


def targeted(definition: Definition) -> int:
    """How many rules are for some only."""
    return sum(not is_for_everybody(rule) for rule in definition.rules)


def rollout(definition: Definition) -> dict[str, float]:
    """Variant → percent of those whom no rule singles out, while the flag is on; the sum is 100."""
    parts: dict[str, float] = defaultdict(float)
    covered = 0.0
    for rule in filter(is_for_everybody, definition.rules):
        # Percentages of the same salt count from the same end: the second takes what it has more than the first.
        for variant, share in served(definition, rule):
            parts[variant] += max(0.0, rule.percent - covered) * share
        covered = max(covered, rule.percent)
    rest = [(definition.fallthrough_variant, 1.0)] if definition.rules else [*served(definition, None)]
    for variant, share in rest:
        parts[variant] += (100.0 - covered) * share
    return {variant: round(percent, 3) for variant, percent in parts.items() if percent > 0}


def served(definition: Definition, rule: Rule | None) -> Iterator[tuple[str, float]]:
    """What a hit gives, and to which part of those it hits: a variant, a split, or what the flag serves while on."""
    if rule and rule.variant:
        yield rule.variant, 1.0
    elif rule and rule.split:
        yield from shares(rule.split)
    elif definition.on_variant:
        yield definition.on_variant, 1.0
    else:
        yield from shares(definition.on_split)


def shares(split: Sequence[Share]) -> Iterator[tuple[str, float]]:
    total = sum(share.weight for share in split)
    for share in split if total else ():
        yield share.variant, share.weight / total


def variant_names(definition: Definition) -> tuple[str, ...]:
    """In their order, which is that of their colours."""
    if definition.type == FlagType.BOOLEAN:
        return BOOLEAN
    return tuple(variant.key for variant in definition.variants)


def percent_text(percent: float) -> str:
    """25 → "25 %", 0.125 → "0.125 %"."""
    return f"{percent:.3f}".rstrip("0").rstrip(".") + " %"
