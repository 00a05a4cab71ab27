"""Who asks. What a token may see is remembered for a second, so that a crowd of evaluations costs few statements and a
revoked token is refused at once; while the database is away, it is remembered on."""

import asyncio
import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from django.db import Error, connection

from accounts.models import User
from accounts.queries import user_of_token
from flags.breaker import Breaker

FRESH_SECONDS = 1.0
WAIT_SECONDS = 0.25  # for what is known already
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """`everything`: also flags that are not for clients."""

    public_id: UUID
    everything: bool
    is_authenticated: bool = True  # as REST framework asks its users

    @property
    def pk(self) -> UUID:
        return self.public_id


@dataclass(slots=True)
class Known:
    caller: Caller | None
    at: float


def caller_of(user: User) -> Caller:
    return Caller(user.public_id, everything=user.has_perm("flags.view_flag"))


def look_up(token: str) -> Caller | None:
    """What the database says. Raises its errors."""
    user = user_of_token(token)
    return caller_of(user) if user else None


class Callers:
    """One per process."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._asking: set[str] = set()
        self._lock = threading.Lock()
        self._database = Breaker()

    def of_token(self, token: str) -> Caller | None:
        """Who holds an API token; None: nobody. Raises the database's errors for one that was not seen before."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        known = self._known.get(digest)
        if known is None:
            caller = look_up(token)
            if caller is not None:  # anybody can make up texts that are no tokens
                self._remember(digest, caller)
            return caller
        if time.monotonic() - known.at >= FRESH_SECONDS:
            self._ask_again(digest, token)
        return known.caller

    def fresh(self, token: str) -> Caller | None:
        """Who holds a token, where that was asked a moment ago."""
        known = self._known.get(hashlib.sha256(token.encode()).hexdigest())
        return known.caller if known and time.monotonic() - known.at < FRESH_SECONDS else None

    def _remember(self, digest: str, caller: Caller | None) -> None:
        with self._lock:
            self._known[digest] = Known(caller, time.monotonic())
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def _ask_again(self, digest: str, token: str) -> None:
        """In a thread, which a database that hangs may hold up; whoever asks goes on with what is known."""
        with self._lock:
            if digest in self._asking or not self._database.closed:
                return
            self._asking.add(digest)
        thread = threading.Thread(target=self._refresh, args=[digest, token], name="flags-caller", daemon=True)
        thread.start()
        thread.join(WAIT_SECONDS)

    def _refresh(self, digest: str, token: str) -> None:
        try:
            caller = look_up(token)
            self._database.succeeded()
            known = self._known.get(digest)
            if known is not None:
                known.caller, known.at = caller, time.monotonic()
        except Exception:  # noqa: BLE001  whatever is wrong with the database
            self._database.failed()
        finally:
            connection.close()
            self._asking.discard(digest)


callers = Callers()


async def acaller(token: str) -> Caller | None:
    """`of_token` on an event loop; None also while the database can't say."""
    return callers.fresh(token) or await asyncio.to_thread(ask_here, token)


def ask_here(token: str) -> Caller | None:
    try:
        return callers.of_token(token)
    except Error:
        return None
    finally:
        connection.close()
