"""Who a connection belongs to, and what that user may see: decided once, and again every minute."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from accounts.models import User
from accounts.queries import user_of_token
from events.events import TYPES, Event

Scope = Mapping[str, Any]
BEARER = "Bearer "


class Refused(Exception):
    """The connection is not accepted; HTTP status and counted reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """A signed-in user behind a socket. `access` maps each visible channel to the audience key it is seen under."""

    user: User
    access: Mapping[str, str]
    token: str = ""
    session_key: str = ""


async def admit(scope: Scope) -> Viewer:
    """The viewer of a new connection: by API token, or by session from a page of an allowed origin. Raises Refused."""
    headers = dict(scope["headers"])
    authorization = headers.get(b"authorization", b"").decode("latin-1")
    if authorization.startswith(BEARER):
        viewer = await database_sync_to_async(viewer_of_token)(authorization.removeprefix(BEARER).strip())
    else:
        # A browser names the origin of every socket, and of every stream that a foreign page would read.
        if scope["type"] == "websocket" or b"origin" in headers:
            check_origin(headers)
        viewer = await database_sync_to_async(viewer_of_scope)(scope)
    if viewer is None:
        raise Refused(401, "anonymous")
    return viewer


def check_origin(headers: Mapping[bytes, bytes]) -> None:
    """Any page can send a session's cookie: only those of this site, or trusted by it, may use it. Raises Refused."""
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if origin in settings.REALTIME_ALLOWED_ORIGINS:
        return
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not host or parts.netloc != host:
        raise Refused(403, "origin")


def viewer_of_token(token: str) -> Viewer | None:
    user = user_of_token(token)
    return Viewer(user=user, access=access_of(user), token=token) if user else None


def viewer_of_scope(scope: Scope) -> Viewer | None:
    """The viewer that the session middleware has found."""
    user = scope.get("user")
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    session = scope.get("session")
    key = (session.session_key or "") if session is not None else ""
    user = User.objects.get(pk=user.pk)
    return Viewer(user=user, access=access_of(user), session_key=key)


def review(viewer: Viewer) -> Viewer | None:
    """The viewer as of now; None when the session, the token or the user is no longer good."""
    if viewer.token:
        return viewer_of_token(viewer.token)
    user = user_of_session(viewer.session_key) if viewer.session_key else active_user(viewer.user.pk)
    return Viewer(user=user, access=access_of(user), session_key=viewer.session_key) if user else None


def user_of_session(key: str) -> User | None:
    """The user of a session that still exists and still fits the user's password."""
    session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(cast(HttpRequest, SimpleNamespace(session=session)))
    return user if isinstance(user, User) and user.is_active else None


def active_user(pk: int) -> User | None:
    return User.objects.filter(pk=pk, is_active=True).first()


def access_of(user: User) -> dict[str, str]:
    """Channel → audience key: holders of a channel's permission see all of it, others what is addressed to them."""
    access, personal = {}, personal_channels()
    for channel, permission in settings.REALTIME_CHANNELS.items():
        if user.has_perm(permission):
            access[channel] = f"perm:{permission}"
        elif channel in personal:
            access[channel] = f"user:{user.public_id}"
    return access


def personal_channels() -> set[str | None]:
    """The channels on which some event is addressed to single users."""
    return {event.channel for event in TYPES.values() if event.audience is not Event.audience}
