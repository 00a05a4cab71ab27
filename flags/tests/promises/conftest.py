"""Servers that a promise may be held against, and the two flags that processes check."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from events.registry import registry
from events.sweeper import Sweeper
from flags.models import Flag
from flags.tests.conftest import PrivateRedis
from flags.tests.promises.members import STEADY, TURNED
from flags.tests.promises.postgres import PrivatePostgres
from flags.tests.promises.slow_proxy import SlowProxy

REPAIR = "flags.handlers.repair_redis"
EVERY_SECONDS = 15.0


@pytest.fixture
def two_flags(private_redis: PrivateRedis, make_flag: Callable[..., Flag]) -> None:
    make_flag(STEADY, enabled=True)
    make_flag(TURNED)


@pytest.fixture
def sweeper() -> Sweeper:
    """The worker's, with what repairs Redis. It runs by the clock that it is told, once started by its own."""
    return Sweeper({REPAIR: registry.sweeps[REPAIR]})


@pytest.fixture
def slow_proxy(private_redis: PrivateRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlowProxy]:
    proxy = SlowProxy(tmp_path_factory.mktemp("p"), f"{private_redis.folder}/redis.sock")
    with proxy.running():
        yield proxy


@pytest.fixture(scope="module")
def private_postgres(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePostgres]:
    server = PrivatePostgres(Path(tmp_path_factory.mktemp("d")))
    with server.running(redis=False):
        server.copy_schema()
        yield server
        server.restart()  # what ends it must find it well
