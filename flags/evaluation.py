"""Checks of flags: look-ups and arithmetic, nothing else. None raises; what can't be answered is the default."""

import asyncio
import copy
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from flags.answers import Answer, Cause, ErrorCode, Evaluation, Reason
from flags.compilation import CompiledFlag
from flags.context import Context, ambient
from flags.current import current
from flags.metrics import tally, unknown_checks
from flags.registry import declared, fits, hint
from flags.snapshot import Snapshot

logger = logging.getLogger(__name__)
T = TypeVar("T")

# A name that comes from outside must not fill the log.
LONGEST_LIST_OF_LOGGED = 100


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
_overrides: ContextVar[Mapping[str, Any] | None] = ContextVar("flags_overrides", default=None)
_newest = current.get
_logged: set[str] = set()


def is_enabled(
    name: str,
    default: bool | None = None,  # noqa: FBT001  read aloud at the call
    *,
    context: Context | None = None,
    fresh: bool = False,
) -> bool:
    """Whether a flag is on for the subject of `context`, else of the request. No I/O beyond one look per second.

    A name that no flag has answers `default`, else its declared default, else False. Within a request the answer stays
    what it was; `fresh=True` is for loops that outlive a request.
    """
    try:
        overrides = _overrides.get()
        if overrides is not None and name in overrides:
            return overrides[name] is not False
        pin = _pin.get()
        snapshot = _newest() if pin is None or fresh else pin.snapshot or pin.take()
        flag = snapshot.compiled.get(name) or snapshot.flag(name)
        if flag is None:
            return _default(name, default) is True
        answer = flag.static or flag.answer(ambient() if context is None else context)
        answer.tally.count += 1
    except Exception as error:  # noqa: BLE001  a check never raises
        _failed(name, error)
        return bool(default)
    return answer.on


def get_value(name: str, default: T, *, context: Context | None = None, fresh: bool = False) -> T:
    """A flag's value for the subject of `context`, else of the request; `default` unless it has the default's type."""
    value: T = evaluate(name, default, context=context, fresh=fresh).value
    return value


def evaluate(name: str, default: Any = None, *, context: Context | None = None, fresh: bool = False) -> Evaluation:
    """A flag's value and everything about it. A value of another type than `default` is an error, and not given."""
    try:
        overrides = _overrides.get()
        if overrides is not None and name in overrides:
            found = _overridden(overrides[name])
        else:
            pin = _pin.get()
            snapshot = _newest() if pin is None or fresh else pin.snapshot or pin.take()
            found = evaluate_in(snapshot, name, default, ambient() if context is None else context)
    except Exception as error:  # noqa: BLE001  a check never raises
        _failed(name, error)
        return _error(default, ErrorCode.GENERAL)
    if default is None or found.value is default or fits(found.value, default):
        return found
    return _error(default, ErrorCode.TYPE_MISMATCH)


def evaluate_in(snapshot: Snapshot, name: str, default: Any, context: Context) -> Evaluation:
    """An answer from these flags, counted. Raises whatever a broken flag makes it raise."""
    flag = snapshot.flag(name)
    if flag is None:
        return _unmade(name, default, snapshot)
    answer = flag.static or flag.answer(context)
    answer.tally.count += 1
    return evaluation_of(answer, flag, snapshot, default if default is not None else _declared_default(name))


def evaluation_of(answer: Answer, flag: CompiledFlag, snapshot: Snapshot, default: Any) -> Evaluation:
    value = answer.value if answer.said else default
    return Evaluation(
        value=copy.deepcopy(value) if isinstance(value, dict) else value,  # theirs to change
        variant=answer.variant,
        reason=answer.reason,
        on=answer.on,
        metadata=_metadata(snapshot, flag.state.version, answer.rule, answer.cause),
    )


def evaluate_all(context: Context, *, everything: bool) -> dict[str, Evaluation]:
    """All flags, or those that clients may see, for one subject, by name."""
    pin = _pin.get()
    snapshot = current.get() if pin is None else pin.snapshot or pin.take()
    keys = sorted(key for key, state in snapshot.flags.items() if everything or state.client_visible)
    return {key: evaluate(key, context=context) for key in keys}


async def ais_enabled(
    name: str,
    default: bool | None = None,  # noqa: FBT001  read aloud at the call
    *,
    context: Context | None = None,
    fresh: bool = False,
) -> bool:
    """is_enabled() where nothing may wait: looks for newer flags go on in a thread."""
    await _begun()
    return is_enabled(name, default, context=context, fresh=fresh)


async def aget_value(name: str, default: T, *, context: Context | None = None, fresh: bool = False) -> T:
    """get_value() where nothing may wait."""
    await _begun()
    return get_value(name, default, context=context, fresh=fresh)


async def aevaluate(
    name: str, default: Any = None, *, context: Context | None = None, fresh: bool = False
) -> Evaluation:
    """evaluate() where nothing may wait."""
    await _begun()
    return evaluate(name, default, context=context, fresh=fresh)


async def _begun() -> None:
    """Before the first look of a process there is nothing to answer from."""
    if not current.looked:
        await asyncio.to_thread(current.get)


def _default(name: str, default: Any) -> Any:
    """What is answered for a name that no flag has."""
    if name not in declared:
        _unknown(name)
        return default
    value = _declared_default(name) if default is None else default
    variant = ("on" if value else "off") if isinstance(value, bool) else ""
    tally(name, variant, Reason.DEFAULT).count += 1
    return value


def _unmade(name: str, default: Any, snapshot: Snapshot) -> Evaluation:
    value = _default(name, default)
    if name not in declared:
        return _error(value, ErrorCode.FLAG_NOT_FOUND)
    return Evaluation(
        value=copy.deepcopy(value),
        variant=("on" if value else "off") if isinstance(value, bool) else "",
        reason=Reason.DEFAULT,
        on=value is True,
        metadata=_metadata(snapshot, 0, "", Cause.DECLARED),
    )


def _declared_default(name: str) -> Any:
    return declared[name].default if name in declared else None


def _overridden(value: Any) -> Evaluation:
    return Evaluation(
        value=value,
        variant=("on" if value else "off") if isinstance(value, bool) else "",
        reason=Reason.STATIC,
        on=value is not False,
        metadata=_metadata(current.snapshot, 0, "", Cause.TEST),
    )


def _error(default: Any, code: ErrorCode) -> Evaluation:
    return Evaluation(
        value=default,
        variant="",
        reason=Reason.ERROR,
        on=default is True,
        metadata=_metadata(current.snapshot, 0, "", Cause.NONE),
        error_code=code,
    )


def _metadata(snapshot: Snapshot, version: int, rule: str, cause: Cause) -> dict[str, str | int | bool]:
    return {
        "flagVersion": version,
        "setVersion": max(snapshot.version, 0),
        "rule": rule,
        "cause": cause.value,
        "stale": current.stale,
    }


def _failed(name: object, error: Exception) -> None:
    # A name from outside makes no series.
    known = name if isinstance(name, str) and name in current.snapshot.flags else ""
    tally(known, "", Reason.ERROR).count += 1
    if _first_time(name):
        logger.error("The flag %r can't be checked", name, exc_info=error)


def _unknown(name: str) -> None:
    unknown_checks.count += 1
    if _first_time(name):
        logger.warning("No flag is called %r. %s", name, hint(name, {*declared, *current.snapshot.flags}))


def _first_time(name: object) -> bool:
    """Whether the log has not heard of this name yet."""
    if len(_logged) >= LONGEST_LIST_OF_LOGGED or repr(name) in _logged:
        return False
    _logged.add(repr(name))
    return True


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
def override_flags(values: Mapping[str, Any] | None = None, **plain: Any) -> Iterator[None]:
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
