"""What each web process says of itself every few seconds, so that any of them can show the sum."""

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass
from functools import cache
from typing import cast

import orjson
from redis.exceptions import RedisError

from coupon_site import redis
from events.metrics import active_connections
from monitoring.recent import recent
from monitoring.window import PROCESSES, SILENT_AFTER_SECONDS, SLOT_SECONDS, TTL_SECONDS

logger = logging.getLogger(__name__)

NAME = f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True, kw_only=True)
class Load:
    """Open sockets now; requests of the last minutes and how many of them failed."""

    sockets: int = 0
    requests: int = 0
    failures: int = 0

    def __add__(self, other: "Load") -> "Load":
        return Load(
            sockets=self.sockets + other.sockets,
            requests=self.requests + other.requests,
            failures=self.failures + other.failures,
        )

    @property
    def error_rate(self) -> float | None:
        """The share of failed requests; None without any."""
        return round(self.failures / self.requests, 5) if self.requests else None


def own_load() -> Load:
    """This process, as it is now."""
    requests, failures = recent.totals()
    return Load(sockets=open_sockets(), requests=requests, failures=failures)


def open_sockets() -> int:
    """Sockets of this process, over all endpoints."""
    return int(sum(sample.value for family in active_connections.collect() for sample in family.samples))


def report() -> None:
    """Say how this process is doing."""
    load = own_load()
    said = orjson.dumps([time.time(), load.sockets, load.requests, load.failures])
    with redis.client().pipeline(transaction=False) as pipe:
        pipe.hset(PROCESSES, NAME, said)
        pipe.expire(PROCESSES, TTL_SECONDS)
        pipe.execute()


def whole_load() -> Load:
    """All processes that have spoken lately, this one as it is now. Without Redis it is this one alone."""
    try:
        return own_load() + load_of_others()
    except RedisError:
        return own_load()


def load_of_others() -> Load:
    """What the other processes said last; those long silent are struck off."""
    total, silent = Load(), []
    for name, said in cast("dict[bytes, bytes]", redis.client().hgetall(PROCESSES)).items():
        at, sockets, requests, failures = orjson.loads(said)
        if time.time() - at > SILENT_AFTER_SECONDS:
            silent.append(name)
        elif name.decode() != NAME:
            total += Load(sockets=sockets, requests=requests, failures=failures)
    if silent:
        redis.client().hdel(PROCESSES, *silent)
    return total


@cache
def start_reporting() -> threading.Thread:
    """Report from a thread for as long as this process lives. Called by the server's entry point, never by apps."""
    thread = threading.Thread(target=keep_reporting, name="load-report", daemon=True)
    thread.start()
    return thread


def keep_reporting() -> None:
    while True:
        try:
            report()
        except RedisError as error:
            logger.info("the load was not reported: %s", error)
        time.sleep(SLOT_SECONDS)
