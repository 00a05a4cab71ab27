"""Checks of flags: dictionary look-ups, nothing else."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from flags.current import current
from flags.metrics import tally, unknown_checks
from flags.registry import declared, hint
from flags.snapshot import Snapshot

logger = logging.getLogger(__name__)

# A name that comes from outside must not fill the log.
LONGEST_LIST_OF_UNKNOWN = 100


class Pin:
    """Holds the snapshot of one request, task or message, from its first check on."""

    __slots__ = ("released", "snapshot")

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self.released = False

    def take(self) -> Snapshot:
        """The newest snapshot; kept, unless the pin was inherited by something that outlives the request."""
        newest = current.get()
        if not self.released:
            self.snapshot = newest
        return newest

    def release(self) -> None:
        self.released = True
        self.snapshot = None


_pin: ContextVar[Pin | None] = ContextVar("flags_pin", default=None)
_overrides: ContextVar[Mapping[str, bool] | None] = ContextVar("flags_overrides", default=None)
_newest = current.get
_warned: set[str] = set()


def is_enabled(name: str, default: bool | None = None, *, fresh: bool = False) -> bool:  # noqa: FBT001  read aloud at the call
    """Whether a flag is on. A dictionary look-up; no I/O beyond one look per process and second; never raises.

    A name that no flag has answers `default`, else its declared default, else False. Within a request the answer stays
    what it was; `fresh=True` is for loops that outlive a request.
    """
    try:
        overrides = _overrides.get()
        if overrides is not None and name in overrides:
            return overrides[name]
        pin = _pin.get()
        snapshot = _newest() if pin is None or fresh else pin.snapshot or pin.take()
        answer = snapshot.answers.get(name)
        if answer is None:
            return _default(name, default)
        answer.tally.count += 1
    except Exception:
        logger.exception("The flag %r can't be checked", name)
        tally("", "off", "ERROR").count += 1
        return bool(default)
    return answer.value


def _default(name: str, default: bool | None) -> bool:  # noqa: FBT001  passed on from above
    """What is answered for a name that no flag has."""
    declaration = declared.get(name)
    if declaration is None:
        _unknown(name)
        return bool(default)
    value = declaration.default if default is None else default
    tally(name, "on" if value else "off", "DEFAULT").count += 1
    return value


def _unknown(name: str) -> None:
    unknown_checks.count += 1
    if name not in _warned and len(_warned) < LONGEST_LIST_OF_UNKNOWN:
        _warned.add(name)
        logger.warning("No flag is called %r. %s", name, hint(name, {*declared, *current.snapshot.flags}))


@contextmanager
def pinned_snapshot() -> Iterator[None]:
    """Checks inside see the flags of one moment: for a request, a task, a socket message."""
    pin = Pin()
    token = _pin.set(pin)
    try:
        yield
    finally:
        pin.release()
        _pin.reset(token)


@contextmanager
def override_flags(values: Mapping[str, bool] | None = None, **plain: bool) -> Iterator[None]:
    """For tests: answer so inside, in this thread or task; also a decorator. Needs no database and no Redis."""
    token = _overrides.set({**(_overrides.get() or {}), **(values or {}), **plain})
    try:
        yield
    finally:
        _overrides.reset(token)


def visible_flags(*, everything: bool) -> dict[str, bool]:
    """The state of all flags, or of those that clients may see."""
    pin = _pin.get()
    snapshot = current.get() if pin is None else pin.snapshot or pin.take()
    return {key: state.enabled for key, state in sorted(snapshot.flags.items()) if everything or state.client_visible}
