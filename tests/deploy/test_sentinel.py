"""The Redis servers, sentinels and HAProxy of deploy/compose/sentinel.yml, on loopback; then the leader is gone."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from coupon_site.servers import redis_server
from tests.binaries import require_binary
from tests.deploy.files import DEPLOY
from tests.live import free_ports, wait_for

FOLDER = DEPLOY / "redis"
PASSWORD = "a-password-of-this-test"


class Pair:
    """Both servers, three sentinels and HAProxy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.first, self.second, self.leader, *self.sentinels = free_ports(6)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **os.environ,
            "REDIS_PASSWORD": PASSWORD,
            "REDISCLI_AUTH": PASSWORD,
            "REDIS_CLI": str(Path(redis_server()).with_name("redis-cli")),
            "REDIS_SERVER": redis_server(),
            "SENTINEL_HOST": "127.0.0.1",
            "SENTINEL_PORT": str(self.sentinels[0]),
        }

    def serve(self, port: int, begins: str) -> None:
        data = self.folder / str(port)
        data.mkdir(exist_ok=True)
        words = ["sh", str(FOLDER / "server.sh"), "127.0.0.1", "127.0.0.1", begins, "--dir", str(data), "--save", ""]
        other = self.second if port == self.first else self.first
        self.launch(f"redis-{port}", words, REDIS_PORT=str(port), OTHER_PORT=str(other))

    def watch(self, port: int) -> None:
        folder = self.folder / f"sentinel-{port}"
        folder.mkdir()
        self.launch(
            f"sentinel-{port}",
            ["sh", str(FOLDER / "sentinel.sh")],
            SENTINEL_PORT=str(port),
            SENTINEL_RUN=str(folder),
            SENTINEL_DOWN_MS="700",
            SENTINEL_FAILOVER_MS="5000",
            REDIS_HOST="127.0.0.1",
            REDIS_PORT=str(self.first),
        )

    def lead(self) -> None:
        """HAProxy, with the addresses of this machine."""
        text = (FOLDER / "haproxy.cfg").read_text()
        for old, new in (
            ("bind :6379", f"bind 127.0.0.1:{self.leader}"),
            ("server redis redis:6379", f"server redis 127.0.0.1:{self.first}"),
            ("server redis-replica redis-replica:6379", f"server redis-replica 127.0.0.1:{self.second}"),
            (" resolvers docker init-addr last,libc,none", ""),
            ("inter 1s", "inter 200ms"),
        ):
            assert old in text
            text = text.replace(old, new)
        file = self.folder / "haproxy.cfg"
        file.write_text(text)
        self.launch("haproxy", [require_binary("haproxy"), "-f", str(file)])

    def launch(self, name: str, words: list[str], **environment: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                words, env={**self.environment, **environment}, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def client(self, port: int) -> "redis.Redis[str]":
        return redis.Redis(port=port, password=PASSWORD, decode_responses=True, socket_timeout=5)

    def asks(self, port: int, *words: str) -> Any:
        """The answer of a server; None while it has none."""
        try:
            return self.client(port).execute_command(*words)
        except redis.RedisError:
            return None

    def role(self, port: int) -> str:
        return (self.asks(port, "ROLE") or [""])[0]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    require_binary("haproxy")
    pair = Pair(tmp_path)
    try:
        pair.serve(pair.first, "leader")
        wait_for(lambda: pair.role(pair.first) == "master", "the leader")
        pair.serve(pair.second, "follower")
        wait_for(lambda: pair.role(pair.second) == "slave", "the follower")
        for port in pair.sentinels:
            pair.watch(port)
        pair.lead()
        yield pair
    finally:
        for name in pair.processes:
            pair.kill(name)


def test_leader_is_killed__the_follower_leads_and_the_old_leader_comes_back_as_follower(pair: Pair) -> None:
    site = pair.client(pair.leader)
    for port in pair.sentinels:
        wait_for(
            lambda port=port: pair.asks(port, "SENTINEL", "CKQUORUM", "coupon-site"), "sentinels that know each other"
        )
    wait_for(lambda: pair.asks(pair.leader, "SET", "before", "1"), "HAProxy to know the leader")
    wait_for(lambda: pair.asks(pair.second, "GET", "before") == "1", "the follower to have it")

    pair.kill(f"redis-{pair.first}")
    wait_for(lambda: pair.asks(pair.leader, "SET", "after", "1"), "writes to go on")

    assert site.get("before") == "1"
    assert pair.role(pair.second) == "master"

    pair.serve(pair.first, "leader")  # as its container does: once the leader, it asks first
    assert wait_for(lambda: pair.role(pair.first), "the old leader to be back") == "slave"
    wait_for(lambda: pair.asks(pair.first, "GET", "after") == "1", "it to have what it missed")
    assert site.get("after") == "1"


def test_password__is_wanted_by_servers_and_sentinels(pair: Pair) -> None:
    for port in (pair.first, pair.second, pair.sentinels[0]):
        wait_for(lambda port=port: listens(port), "a server")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port, retry=Retry(NoBackoff(), 0)).ping()


def listens(port: int) -> bool:
    try:
        return bool(redis.Redis(port=port, password=PASSWORD).ping())
    except redis.RedisError:
        return False
