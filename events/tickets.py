"""Tickets: a page that can't send headers shows one to open a socket. Each is good for once, and for a minute."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from coupon_site.redis import client

PROTOCOL: Final = "coupon-site"
"""The WebSocket sub-protocol; a ticket stands beside it in the same header, never in the address, which is logged."""
PREFIX: Final = "ticket."
LIFE_SECONDS: Final = 60


@dataclass(frozen=True, kw_only=True)
class Identity:
    """By what a user is known: the hash of an API token, or a session; it ends when that ends."""

    user: int
    token: str = ""
    session_key: str = ""


def issue(identity: Identity) -> str:
    """A new ticket. Raises RedisError."""
    ticket = secrets.token_urlsafe(32)
    body = orjson.dumps([identity.user, identity.token, identity.session_key])
    client().set(key_of(ticket), body, ex=LIFE_SECONDS)
    return ticket


def redeem(ticket: str) -> Identity | None:
    """Who the ticket was given to; None when it is used, too old, or made up. Raises RedisError."""
    body: Any = client().getdel(key_of(ticket))
    if body is None:
        return None
    user, token, session_key = orjson.loads(body)
    return Identity(user=user, token=token, session_key=session_key)


def ticket_of(offered: Sequence[str]) -> str:
    """The ticket among the sub-protocols that a client offers, or nothing."""
    return next((each.removeprefix(PREFIX) for each in offered if each.startswith(PREFIX)), "")


def key_of(ticket: str) -> str:
    """Redis never sees what opens a socket."""
    return f"rt:ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"
