"""Feature flags. The database is the truth, Redis carries it, an immutable snapshot in each process answers.

`from flags import is_enabled` is all that most code needs; `declare` names a flag where it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flags.context import use_context
    from flags.decorators import flag_required
    from flags.evaluation import (
        aevaluate,
        aget_value,
        ais_enabled,
        evaluate,
        get_value,
        is_enabled,
        override_flags,
    )
    from flags.pins import pinned_snapshot
    from flags.registry import declare

__all__ = [
    "aevaluate",
    "aget_value",
    "ais_enabled",
    "declare",
    "evaluate",
    "flag_required",
    "get_value",
    "is_enabled",
    "override_flags",
    "pinned_snapshot",
    "use_context",
]

# Resolved at first use: Django imports this package before any model may be loaded.
_HOMES = {
    **dict.fromkeys(__all__, "flags.evaluation"),
    "declare": "flags.registry",
    "flag_required": "flags.decorators",
    "pinned_snapshot": "flags.pins",
    "use_context": "flags.context",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
