"""Flags as tests need them: known to nobody before each, and a Redis that may be stopped."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import redis
from django.conf import settings

from coupon_site.servers import redis_server
from flags import current as current_module
from flags import declare, mirror, registry
from flags.choices import FlagSource
from flags.current import current
from flags.listener import Listener
from flags.models import Flag
from flags.queries import definition_of
from flags.services import create_flag, set_flag
from flags.tests.standstill import nap
from flags.usage import reporter

NOBODY = {"actor": None, "source": FlagSource.COMMAND}
DEAD_REDIS = "redis://127.0.0.1:1/0"
CHECK_SECONDS = mirror.TIMEOUT_SECONDS  # that a check waits for Redis
BUSY_SECONDS = 10.0


def facts_of(flag: Flag) -> dict[str, Any]:
    """The flag as the history keeps it."""
    return cast("dict[str, Any]", msgspec.json.decode(msgspec.json.encode(definition_of(flag.key))))


@pytest.fixture(autouse=True)
def _know_nothing(_empty_redis: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Versions start at nought with each test's database. Listeners run in processes of their own only: they would
    look when a test counts looks. Servers are slow in a busy run, and not away."""
    monkeypatch.setattr(Listener, "ensure", lambda self: None)
    monkeypatch.setattr(current._listener, "_heard", lambda: None)  # another app's test may have started one
    monkeypatch.setattr(reporter, "report_when_due", lambda: None)
    monkeypatch.setattr(mirror, "TIMEOUT_SECONDS", BUSY_SECONDS)
    monkeypatch.setattr(mirror, "PATIENT_SECONDS", BUSY_SECONDS)
    monkeypatch.setattr(current_module, "FIRST_WAIT_SECONDS", BUSY_SECONDS)
    current.forget()
    yield
    current.forget()


@pytest.fixture
def impatient(_know_nothing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for Redis longer than a check may."""
    monkeypatch.setattr(mirror, "TIMEOUT_SECONDS", CHECK_SECONDS)
    current.forget()


@pytest.fixture
def make_flag() -> Callable[..., Flag]:
    def make(key: str, **fields: Any) -> Flag:
        return create_flag(key=key, **NOBODY, **fields)

    return make


@pytest.fixture
def turn() -> Callable[..., Flag]:
    """turn("a.b", True)."""

    def turn(key: str, enabled: bool, **fields: Any) -> Flag:
        return set_flag(key=key, enabled=enabled, **NOBODY, **fields)

    return turn


@pytest.fixture
def declare_flag(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """declare() for one test."""

    def declare_one(key: str, **fields: Any) -> str:
        monkeypatch.setitem(registry._declared, key, None)
        del registry._declared[key]
        return declare(key, **{"description": "made for a test", **fields})

    return declare_one


@pytest.fixture
def shared() -> redis.Redis:
    """Redis as any other program sees it."""
    return redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)


class PrivateRedis:
    """A server that a test may stop, freeze and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/redis.sock"
        self.start()

    def start(self) -> None:
        command = [redis_server(), "--port", "0", "--unixsocket", f"{self.folder}/redis.sock", "--save", ""]
        self.process = subprocess.Popen([*command, "--dir", str(self.folder)], stdout=subprocess.DEVNULL)
        with redis.Redis.from_url(self.url) as client:
            wait_until(lambda: answers(client))

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def private_redis(tmp_path_factory: pytest.TempPathFactory, settings: Any) -> Iterator[PrivateRedis]:
    server = PrivateRedis(tmp_path_factory.mktemp("r"))
    settings.REDIS_URL = server.url
    yield server
    server.stop()


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def wait_until(happened: Callable[[], object], *, seconds: float = 60.0) -> float:
    """Wait for something; returns how long it took, without what this process stood still meanwhile."""
    began, still = time.monotonic(), 0.0
    while not happened():
        assert time.monotonic() - began < seconds, "It did not happen in time"
        still += nap(0.002)
    return time.monotonic() - began - still
