"""Who a connection belongs to, and what that user may see: decided once, and again every minute."""

import hashlib
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
from redis.exceptions import RedisError

from accounts.models import User
from accounts.queries import user_of_digest
from events.events import TYPES, Event
from events.tickets import PROTOCOL, Identity, redeem, ticket_of

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
    token: str = ""  # its hash
    session_key: str = ""


class BadTicket(Refused):
    """The ticket is used, too old, or made up: a new one helps."""

    def __init__(self) -> None:
        super().__init__(401, "bad_ticket")


class NotYetKnown(Refused):
    """The client has offered to say who it is in its first message."""

    def __init__(self) -> None:
        super().__init__(401, "anonymous")


async def admit(scope: Scope) -> Viewer:
    """The viewer of a new connection. Raises Refused.

    Programs send an API token, pages of other hosts a ticket; a session counts for pages of allowed origins only.
    """
    headers = dict(scope["headers"])
    offered = scope.get("subprotocols") or []
    authorization = headers.get(b"authorization", b"").decode("latin-1")
    if authorization.startswith(BEARER):
        viewer = await database_sync_to_async(viewer_of_token)(authorization.removeprefix(BEARER).strip())
    elif ticket := ticket_of(offered):
        viewer = await admit_by_ticket(ticket)
    elif PROTOCOL in offered and b"cookie" not in headers:
        raise NotYetKnown
    else:
        # A browser names the origin of every socket, and of every stream that a foreign page would read.
        if scope["type"] == "websocket" or b"origin" in headers:
            check_origin(headers)
        viewer = await database_sync_to_async(viewer_of_scope)(scope)
    if viewer is None:
        raise Refused(401, "anonymous")
    return viewer


async def admit_by_ticket(ticket: str) -> Viewer:
    """The viewer that a ticket was given to. Raises Refused."""
    try:
        viewer = await database_sync_to_async(viewer_of_ticket)(ticket)
    except RedisError:
        raise Refused(503, "unavailable") from None
    if viewer is None:
        raise BadTicket
    return viewer


def viewer_of_ticket(ticket: str) -> Viewer | None:
    identity = redeem(ticket)
    return viewer_of_identity(identity) if identity else None


def check_origin(headers: Mapping[bytes, bytes]) -> None:
    """Any page can send a session's cookie: only those of this site, or trusted by it, may use it. Raises Refused."""
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if origin in settings.REALTIME_ALLOWED_ORIGINS:
        return
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not host or parts.netloc != host:
        raise Refused(403, "origin")


def viewer_of_token(text: str) -> Viewer | None:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return viewer_of_identity(Identity(user=0, token=digest))


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
    return viewer_of_identity(Identity(user=viewer.user.pk, token=viewer.token, session_key=viewer.session_key))


def viewer_of_identity(identity: Identity) -> Viewer | None:
    """The viewer behind a token, else behind a session, else the user alone."""
    if identity.token:
        user = user_of_digest(identity.token)
    elif identity.session_key:
        user = user_of_session(identity.session_key)
    else:
        user = active_user(identity.user)
    if user is None:
        return None
    return Viewer(user=user, access=access_of(user), token=identity.token, session_key=identity.session_key)


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
