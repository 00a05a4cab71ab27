"""Checks of flags: look-ups and arithmetic, nothing else. None raises; what can't be answered is the default."""

import asyncio
import copy
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any, TypeVar, cast

from flags.answers import Answer, Cause, ErrorCode, Evaluation, Reason
from flags.compilation import CompiledFlag
from flags.context import Context, ambient
from flags.current import current
from flags.metrics import tally, unknown_checks
from flags.pins import pin_here, snapshot_here
from flags.registry import declared, fits, hint
from flags.snapshot import Snapshot

logger = logging.getLogger(__name__)
T = TypeVar("T")

# A name that comes from outside must not fill the log.
LONGEST_LIST_OF_LOGGED = 100


_overrides: ContextVar[Mapping[str, Any] | None] = ContextVar("flags_overrides", default=None)
_overriding: list[object] = []  # empty outside tests, so that a check need not ask whether it is overridden
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
        if _overriding and (said := _overridden(name)):
            return said.on
        pin = pin_here()
        if pin is None or fresh:
            snapshot = current.snapshot if monotonic() < current._due else current.get()
        else:
            snapshot = pin.snapshot or pin.take()
        answer = snapshot.static.get(name) or snapshot.answer(name, ambient() if context is None else context)
        if answer is None:
            return _default(name, default) is True
        answer.tally.count += 1
    except Exception as error:  # noqa: BLE001  a check never raises
        _failed(name, error)
        return bool(default)
    return answer.on


def get_value(name: str, default: T, *, context: Context | None = None, fresh: bool = False) -> T:
    """A flag's value for the subject of `context`, else of the request; `default` unless it has the default's type."""
    if _overriding:
        return cast(T, evaluate(name, default, context=context, fresh=fresh).value)
    try:
        snapshot = snapshot_here(fresh=fresh)
        answer = snapshot.static.get(name) or snapshot.answer(name, ambient() if context is None else context)
        if answer is None:
            value = _default(name, default)
        else:
            answer.tally.count += 1
            value = answer.value if answer.variant else default
    except Exception as error:  # noqa: BLE001  a check never raises
        _failed(name, error)
        return default
    return cast(T, _own(value)) if default is None or fits(value, default) else default


def evaluate(name: str, default: Any = None, *, context: Context | None = None, fresh: bool = False) -> Evaluation:
    """A flag's value and everything about it. A value of another type than `default` is an error, and not given."""
    try:
        found = (_overriding and _overridden(name)) or _evaluate(
            snapshot_here(fresh=fresh), name, default, ambient() if context is None else context
        )
    except Exception as error:  # noqa: BLE001  a check never raises
        _failed(name, error)
        return _error(default, ErrorCode.GENERAL)
    if default is None or found.value is default or fits(found.value, default):
        return found
    return _error(default, ErrorCode.TYPE_MISMATCH)


def evaluate_all(context: Context, *, everything: bool) -> dict[str, Evaluation]:
    """All flags, or those that clients may see, for one subject, by name."""
    flags = snapshot_here().flags
    keys = sorted(key for key, state in flags.items() if everything or state.client_visible)
    return {key: evaluate(key, context=context) for key in keys}


def _evaluate(snapshot: Snapshot, name: str, default: Any, context: Context) -> Evaluation:
    flag = snapshot.flag(name)
    if flag is None:
        return _unmade(name, default, snapshot)
    answer = flag.static or flag.answer(context)
    answer.tally.count += 1
    return evaluation_of(answer, flag, snapshot, _declared_default(name) if default is None else default)


def evaluation_of(answer: Answer, flag: CompiledFlag, snapshot: Snapshot, default: Any) -> Evaluation:
    return Evaluation(
        value=_own(answer.value) if answer.said else default,
        variant=answer.variant,
        reason=answer.reason,
        on=answer.on,
        metadata=_metadata(snapshot, flag.state.version, answer.rule, answer.cause),
    )


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
        value=_own(value),
        variant=("on" if value else "off") if isinstance(value, bool) else "",
        reason=Reason.DEFAULT,
        on=value is True,
        metadata=_metadata(snapshot, 0, "", Cause.DECLARED),
    )


def _declared_default(name: str) -> Any:
    return declared[name].default if name in declared else None


def _overridden(name: str) -> Evaluation | None:
    """What a test says here."""
    overrides = _overrides.get()
    if overrides is None or name not in overrides:
        return None
    value = overrides[name]
    return Evaluation(
        value=value,
        variant=("on" if value else "off") if isinstance(value, bool) else "",
        reason=Reason.STATIC,
        on=value is not False,
        metadata=_metadata(current.snapshot, 0, "", Cause.TEST),
    )


def _own(value: Any) -> Any:
    """The caller's to change."""
    return copy.deepcopy(value) if isinstance(value, dict) else value


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
    if _first_time("failed", name):
        logger.error("The flag %r can't be checked", name, exc_info=error)


def _unknown(name: str) -> None:
    unknown_checks.count += 1
    if _first_time("unknown", name):
        logger.warning("No flag is called %r. %s", name, hint(name, {*declared, *current.snapshot.flags}))


def _first_time(what: str, name: object) -> bool:
    """Whether the log has not heard this of this name yet."""
    news = f"{what} {name!r}"
    if len(_logged) >= LONGEST_LIST_OF_LOGGED or news in _logged:
        return False
    _logged.add(news)
    return True


@contextmanager
def override_flags(values: Mapping[str, Any] | None = None, **plain: Any) -> Iterator[None]:
    """For tests: answer so inside, in this thread or task; also a decorator. Needs no database and no Redis."""
    token = _overrides.set({**(_overrides.get() or {}), **(values or {}), **plain})
    _overriding.append(token)
    try:
        yield
    finally:
        _overriding.remove(token)
        _overrides.reset(token)


def visible_flags(*, everything: bool) -> dict[str, bool]:
    """The state of all flags, or of those that clients may see."""
    flags = snapshot_here().flags
    return {key: state.enabled for key, state in sorted(flags.items()) if everything or state.client_visible}
