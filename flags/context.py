"""For whom a flag is checked: plain fields, named as OpenFeature and Unleash name them.

`targetingKey` and `userId` stand in for each other; `currentTime` is now, unless it is given. Inside a request the
context is the request's: its user, session and address, looked up when the first rule asks for them.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from accounts.models import User
from flags.definition import BY_DEFAULT

logger = logging.getLogger(__name__)

Context = Mapping[str, Any]
NOBODY: Context = {}


class RequestContext(Mapping[str, Any]):
    """Who asks. The user is loaded when a field of theirs is wanted, and never where that would block an event loop."""

    FIELDS = ("targetingKey", "userId", "sessionId", "remoteAddress", "emailDomain", "isStaff", "groups")
    OF_USER = frozenset({"targetingKey", "userId", "emailDomain", "isStaff", "groups"})

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._user: Any = None
        self._of_user: dict[str, Any] = {}

    def get(self, field: str, default: Any = None) -> Any:
        if field in self.OF_USER:
            found = self._user_fields().get(field)
            return self._groups() if field == "groups" and found is None else found
        if field == "sessionId":
            session = getattr(self._request, "session", None)
            return session.session_key if session is not None else default
        if field == "remoteAddress":
            return self._request.META.get("REMOTE_ADDR") or default
        return default

    def __getitem__(self, field: str) -> Any:
        value = self.get(field)
        if value is None:
            raise KeyError(field)
        return value

    def __iter__(self) -> Iterator[str]:
        return (field for field in self.FIELDS if self.get(field) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _user_fields(self) -> dict[str, Any]:
        # A user who signs in halfway through a request counts from then on.
        user = getattr(self._request, "user", None)
        if user is not self._user and (known := loaded(self._request)) is not None:
            self._user = user
            self._of_user = fields_of(known) if known.is_authenticated else {}
        return self._of_user if user is self._user else {}

    def _groups(self) -> list[str] | None:
        fields = self._of_user
        if not fields:
            return None
        if "groups" not in fields and not on_event_loop():
            fields["groups"] = tried(lambda: sorted(group.name for group in self._request.user.groups.all()))
        return fields.get("groups")


def fields_of(user: User) -> dict[str, Any]:
    key = str(user.public_id)
    return {
        "pk": user.pk,
        "targetingKey": key,
        "userId": key,
        "emailDomain": user.email.rpartition("@")[2],
        "isStaff": user.is_staff,
    }


def loaded(request: HttpRequest) -> Any:
    """The user, or None where finding out would hold up an event loop; `await request.auser()` finds out, too."""
    user: Any = getattr(request, "user", None)
    if isinstance(user, LazyObject) and vars(user)["_wrapped"] is empty:
        if on_event_loop():
            return getattr(request, "_acached_user", None)
        # Not asked for a second time: who can't be loaded is nobody for the rest of the request.
        return request.user if tried(lambda: request.user.is_authenticated) else AnonymousUser()
    return user


def tried(load: Callable[[], Any]) -> Any:
    """A database that is away makes somebody anonymous; a check of a flag does not fail for it."""
    try:
        return load()
    except Exception:
        logger.warning("Who asks for a flag can't be loaded: answering as for nobody", exc_info=True)
        return None


def on_event_loop() -> bool:
    """Whether waiting here would hold up others."""
    return asyncio._get_running_loop() is not None


_context: ContextVar[Context] = ContextVar("flags_context", default=NOBODY)
ambient = _context.get


@contextmanager
def use_context(context: Context) -> Iterator[None]:
    """Checks inside are for this subject, unless they name another: for tasks, tests, loops over customers."""
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)


def reader(field: str) -> Callable[[Context], Any]:
    """Reads a field of any context; None when it isn't there."""
    match field:
        case "userId":
            return lambda context: first(context, "userId", "targetingKey")
        case "targetingKey":
            return lambda context: first(context, "targetingKey", "userId")
        case "currentTime":
            return lambda context: first(context, "currentTime") or datetime.now(UTC)
    return lambda context: context.get(field)


def first(context: Context, *fields: str) -> Any:
    """The first field that says something."""
    for field in fields:
        value = context.get(field)
        if value is not None and value != "":
            return value
    return None


def subject_reader(stickiness: str) -> Callable[[Context], Any]:
    """Reads whose answer must stay the same: by default the user, else the session."""
    return user_or_session if stickiness == BY_DEFAULT else reader(stickiness)


def user_or_session(context: Context) -> Any:
    """Most contexts have the first: it is worth a shorter way."""
    return context.get("userId") or first(context, "userId", "targetingKey", "sessionId")
