"""The protocol's bodies: what is asked, what is answered, what is refused. Knows nothing of HTTP's machinery."""

import hashlib
import threading
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson
from django.utils import timezone

from flags.answers import Cause, ErrorCode, Evaluation
from flags.choices import FlagType
from flags.current import current
from flags.document import FlagState
from flags.evaluation import evaluate, evaluate_all
from flags.ofrep.callers import Caller
from flags.ofrep.stream import PATH as STREAM
from flags.ofrep.tickets import ticket_of

Body = dict[str, Any]

INACTIVITY_SECONDS: Final = 120
LOOKS_APART_SECONDS: Final = 0.05
LONGEST_TEXT: Final = 300


class Refusal(Exception):
    """An answer without a value. `code`: one of OpenFeature's."""

    def __init__(self, status: int, code: str, details: str, *, key: str = "") -> None:
        super().__init__(details)
        self.status, self.code, self.details, self.key = status, code, details, key

    @property
    def body(self) -> Body:
        named = {"key": self.key} if self.key else {}
        return {**named, "errorCode": self.code, "errorDetails": self.details}


def context_of(body: Any) -> Mapping[str, Any]:
    """For whom is asked; for nobody in particular, where nothing is said. Raises Refusal."""
    if not isinstance(body, dict):
        raise Refusal(400, "PARSE_ERROR", "The body is a JSON object with a `context`.")
    context = body.get("context")
    if context is None:
        return {}
    if not isinstance(context, dict):
        raise Refusal(400, "INVALID_CONTEXT", "`context` is a JSON object.")
    subject = context.get("targetingKey")
    if subject is not None and not isinstance(subject, str):
        raise Refusal(400, "INVALID_CONTEXT", "`targetingKey` is a text.")
    return context


def answer_one(key: str, context: Mapping[str, Any], *, caller: Caller) -> Body:
    """One flag. Raises Refusal; what the caller may not see is not there."""
    state = current.get().flags.get(key)
    if state is None or not (caller.everything or state.client_visible):
        raise Refusal(404, "FLAG_NOT_FOUND", f"There is no flag {key[:LONGEST_TEXT]!r}.", key=key[:LONGEST_TEXT])
    return success_of(key, evaluate(key, context=context), state)


def answer_all(context: Mapping[str, Any], *, caller: Caller) -> bytes:
    """Every flag that the caller may see, and where to hear that they have changed.

    The version of all flags is not in it: the answer stays the same while this caller's flags do.
    """
    answers, states = evaluate_all(context, everything=caller.everything), current.snapshot.flags
    flags = [entry_of(key, answer, states[key]) for key, answer in answers.items() if key in states]
    ticket = quote(ticket_of(caller.public_id, at=timezone.now()))
    stream = {
        "type": "sse",
        "endpoint": {"requestUri": f"{STREAM}?ticket={ticket}"},
        "inactivityDelaySec": INACTIVITY_SECONDS,
    }
    return orjson.dumps({"flags": flags, "eventStreams": [stream]}, default=str)


def entry_of(key: str, answer: Evaluation, state: FlagState) -> Body:
    try:
        entry = success_of(key, answer, state)
    except Refusal as refusal:
        return refusal.body
    entry["metadata"].pop("setVersion", None)
    return entry


def success_of(key: str, answer: Evaluation, state: FlagState) -> Body:
    """Without `value` where the flag leaves it to the code's default. Raises Refusal."""
    if answer.error_code:
        code = "GENERAL" if answer.error_code == ErrorCode.TYPE_MISMATCH else str(answer.error_code)
        raise Refusal(400, code, "The flag can't be evaluated.", key=key)
    if answer.metadata.get("cause") == Cause.NO_KEY:
        raise Refusal(400, "TARGETING_KEY_MISSING", "A share is drawn by the context's `targetingKey`.", key=key)
    value = {"value": value_of(answer.value, state)} if answer.variant else {}
    metadata = {name: each for name, each in answer.metadata.items() if each not in (None, "")}
    return {"key": key, **value, "reason": str(answer.reason), "variant": answer.variant, "metadata": metadata}


def value_of(value: Any, state: FlagState) -> Any:
    """A number is a float for every subject when one of its flag's variants is: SDKs ask for one type."""
    if state.type == FlagType.NUMBER and any(isinstance(variant.value, float) for variant in state.variants):
        return float(value)
    return value


def etag_of(body: bytes) -> str:
    """Over the whole body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_known(etag: str, if_none_match: str) -> bool:
    """RFC 9110: a list of validators, weak ones among them, or an asterisk."""
    held = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return etag in held or held == {"*"}


class Freshness:
    """A client that was told of a version must not be answered from an older one, whichever process it asks."""

    def __init__(self) -> None:
        self._next = 0.0
        self._lock = threading.Lock()

    def reach(self, told: str) -> None:
        """Look for newer flags now, if this process is behind; not often, whatever clients send."""
        behind = told.isascii() and told.isdigit() and len(told) <= 18 and int(told) > current.snapshot.version
        if not behind:
            return
        with self._lock:
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + LOOKS_APART_SECONDS
        current.look_now()


freshness = Freshness()
