"""Variants of Unleash: named texts, most of which mean a number or an object."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from flags.choices import FlagType
from flags.definition import Share, Variant
from flags.operators import number, understood
from flags.unleash.state import Plain


def all_of(feature: Plain) -> list[Plain]:
    """Of the feature itself, then of its strategies."""
    parts = [feature, *(feature.get("strategies") or ())]
    return [variant for part in parts for variant in part.get("variants") or ()]


def type_of(variants: Sequence[Plain]) -> FlagType:
    """The type that all values have; text, where they differ."""
    if not variants:
        return FlagType.BOOLEAN
    for name, kind in (("number", FlagType.NUMBER), ("json", FlagType.OBJECT)):
        if all(payload(each).get("type") == name and value_of(each, kind) is not None for each in variants):
            return kind
    return FlagType.STRING


def variants_of(variants: Iterable[Plain], kind: FlagType) -> tuple[Variant, ...]:
    """Each name once; the first of a name counts."""
    found = {each["name"]: value_of(each, kind) for each in reversed([*variants])}
    return tuple(Variant(key=str(name), value=value) for name, value in reversed(found.items()))


def value_of(variant: Plain, kind: FlagType) -> Any:
    """Text without a payload is the variant's name; None for what is not of the type."""
    text = payload(variant).get("value")
    match kind:
        case FlagType.NUMBER:
            found = understood(number, text)
            return int(found) if found is not None and found == int(found) else found
        case FlagType.OBJECT:
            found = understood(json.loads, text)
            return found if isinstance(found, dict) else None
    return str(variant["name"]) if text is None else str(text)


def payload(variant: Plain) -> Plain:
    return variant.get("payload") or {}


def shares_of(variants: Iterable[Plain]) -> tuple[Share, ...]:
    return tuple(Share(variant=str(each["name"]), weight=round(each.get("weight") or 0)) for each in variants)
