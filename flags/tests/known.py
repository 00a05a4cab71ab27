"""Flags of a test's process, without database and Redis."""

import time
from collections.abc import Mapping
from typing import Any

from flags.current import current
from flags.definition import Constraint, Rule, Share, Variant
from flags.document import Document, FlagState

COLOURS = tuple(Variant(key=name, value=name.upper()) for name in ("red", "blue", "grey"))


def know(
    flags: Mapping[str, FlagState], *, version: int = 1, segments: Mapping[str, tuple[Constraint, ...]] | None = None
) -> None:
    """This process learns of these flags, and looks for no others for an hour."""
    current.install(Document(version, flags, segments or {}))
    current._due = time.monotonic() + 3600
    current._checked_at = time.monotonic()
    current._looked = True


def boolean(*rules: Rule, **fields: Any) -> FlagState:
    """A flag that is on."""
    return FlagState(**{"version": 1, "enabled": True, "rules": rules, **fields})


def colour(*rules: Rule, **fields: Any) -> FlagState:
    """A text flag that is on and says red; off and who no rule hits: grey."""
    given = {"on_variant": "red", "off_variant": "grey", "fallthrough_variant": "grey", "variants": COLOURS}
    return boolean(*rules, type="string", **{**given, **fields})


def rule(key: str = "r", **fields: Any) -> Rule:
    return Rule(id=key, **fields)


def split(**weights: int) -> tuple[Share, ...]:
    return tuple(Share(variant=variant, weight=weight) for variant, weight in weights.items())
