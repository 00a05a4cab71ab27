"""Feature flags. The database is the truth, Redis carries it, an immutable snapshot in each process answers.

`from flags import is_enabled` is all that most code needs; `declare` names a flag where it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flags.evaluation import is_enabled, override_flags, pinned_snapshot
    from flags.registry import declare

__all__ = ["declare", "is_enabled", "override_flags", "pinned_snapshot"]

# Resolved at first use: Django imports this package before any model may be loaded.
_HOMES = {
    "declare": "flags.registry",
    "is_enabled": "flags.evaluation",
    "override_flags": "flags.evaluation",
    "pinned_snapshot": "flags.evaluation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
