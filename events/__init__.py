"""Events: outbox, worker, relay, sockets. Knows no domain word.

The public names are loaded when first used: facts and handlers are declared at import time, before apps are ready.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from events.events import Event
    from events.registry import around, handles, sweep, task
    from events.services import enqueue, publish, publish_many

__all__ = ["Event", "around", "enqueue", "handles", "publish", "publish_many", "sweep", "task"]

_HOMES = {
    "Event": "events.events",
    "around": "events.registry",
    "handles": "events.registry",
    "task": "events.registry",
    "sweep": "events.registry",
    "enqueue": "events.services",
    "publish": "events.services",
    "publish_many": "events.services",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
