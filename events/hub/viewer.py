"""Who a connection belongs to, and what that user may see: decided once, and again every minute."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.db import Error as DatabaseError
from django.http import HttpRequest, parse_cookie
from redis.exceptions import RedisError

from accounts.models import User
from accounts.queries import permissions_of, users_of_digests
from events.events import TYPES, Event
from events.hub.together import Together
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
    identity: Identity


Viewers = Together[Identity, Viewer]


class BadTicket(Refused):
    """The ticket is used, too old, or made up: a new one helps."""

    def __init__(self) -> None:
        super().__init__(401, "bad_ticket")


class NotYetKnown(Refused):
    """The client has offered to say who it is in its first message."""

    def __init__(self) -> None:
        super().__init__(401, "anonymous")


async def admit(scope: Scope, viewers: Viewers) -> Viewer:
    """The viewer of a new connection. Raises Refused.

    Programs send an API token, pages of other hosts a ticket; a session counts for pages of allowed origins only.
    """
    headers = dict(scope["headers"])
    offered = scope.get("subprotocols") or []
    authorization = headers.get(b"authorization", b"").decode("latin-1")
    if authorization.startswith(BEARER):
        digest = hashlib.sha256(authorization.removeprefix(BEARER).strip().encode()).hexdigest()
        identity = Identity(user=0, token=digest)
    elif ticket := ticket_of(offered):
        return await admit_by_ticket(ticket, viewers)
    elif PROTOCOL in offered and b"cookie" not in headers:
        raise NotYetKnown
    else:
        # A browser names the origin of every socket, and of every stream that a foreign page would read.
        if scope["type"] == "websocket" or b"origin" in headers:
            check_origin(headers)
        cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        identity = Identity(user=0, session_key=cookies.get(settings.SESSION_COOKIE_NAME, ""))
    viewer = await asked(identity, viewers)
    if viewer is None:
        raise Refused(401, "anonymous")
    return viewer


async def admit_by_ticket(ticket: str, viewers: Viewers) -> Viewer:
    """The viewer that a ticket was given to. Raises Refused."""
    try:
        identity = await sync_to_async(redeem)(ticket)
    except RedisError:
        raise Refused(503, "unavailable") from None
    viewer = await asked(identity, viewers) if identity else None
    if viewer is None:
        raise BadTicket
    return viewer


async def asked(identity: Identity, viewers: Viewers) -> Viewer | None:
    """The viewer behind an identity that is still good. Raises Refused."""
    try:
        return await viewers.ask(identity)
    except DatabaseError:
        raise Refused(503, "unavailable") from None


def check_origin(headers: Mapping[bytes, bytes]) -> None:
    """Any page can send a session's cookie: only those of this site, or trusted by it, may use it. Raises Refused."""
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if origin in settings.REALTIME_ALLOWED_ORIGINS:
        return
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not host or parts.netloc != host:
        raise Refused(403, "origin")


def viewers_of(identities: Collection[Identity]) -> dict[Identity, Viewer]:
    """The viewers as of now; whose token, session or user is no longer good is left out."""
    holders = users_of_digests({identity.token for identity in identities if identity.token})
    users = {
        identity: user
        for identity in identities
        if (user := holders.get(identity.token) if identity.token else user_of_session(identity))
    }
    channels = settings.REALTIME_CHANNELS
    granted = permissions_of({user.pk for user in users.values()}, among=channels.values())
    return {
        identity: Viewer(user=user, access=access_of(user, granted[user.pk]), identity=identity)
        for identity, user in users.items()
    }


def user_of_session(identity: Identity) -> User | None:
    """The user of a session that still exists and still fits the user's password; without a session the user alone."""
    if not identity.session_key:
        return User.objects.filter(pk=identity.user, is_active=True).first()
    session = import_module(settings.SESSION_ENGINE).SessionStore(identity.session_key)
    user = get_user(cast(HttpRequest, SimpleNamespace(session=session)))
    return user if isinstance(user, User) and user.is_active else None


def access_of(user: User, granted: Collection[str]) -> dict[str, str]:
    """Channel → audience key: holders of a channel's permission see all of it, others what is addressed to them."""
    access, personal = {}, personal_channels()
    for channel, permission in settings.REALTIME_CHANNELS.items():
        if permission in granted:
            access[channel] = f"perm:{permission}"
        elif channel in personal:
            access[channel] = f"user:{user.public_id}"
    return access


def personal_channels() -> set[str | None]:
    """The channels on which some event is addressed to single users."""
    return {event.channel for event in TYPES.values() if event.audience is not Event.audience}
