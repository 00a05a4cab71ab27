"""One relay and a node of each server, over a PostgreSQL and a Redis of their own that may be lost in every way."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self
from uuid import uuid4

import httpx
import orjson
import psutil
import psycopg
import redis
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from coupon_site.servers import EmbeddedServers
from events.events import RAW
from events.frames import REGISTRY, stream_key
from events.services.writing import INSERT_FACTS
from events.wake import CHANNEL as BELL
from tests.live import LiveSite, free_ports, lay_schema, wait_for

CHANNEL = "events:orders"
STAFF = "perm:orders.view_order"
CUSTOMERS = 8
NODES = {
    "daphne": "daphne -e tcp:{port}:interface=127.0.0.1:backlog=2048 -v 0 coupon_site.asgi:application",
    "uvicorn": "uvicorn --host 127.0.0.1 --port {port} --ws websockets-sansio --ws-per-message-deflate false"
    " --ws-ping-interval 0"
    " --lifespan off --no-access-log --log-level warning coupon_site.asgi:application",
}
# On a laptop the number of clients has no bounds; a ping says where an idle one stands.
WIDE = {"REALTIME_PING_SECONDS": "2", "THROTTLE_USER": "100000000/min", "THROTTLE_ANON": "100000000/min"}
PEOPLE = """
from accounts.models import User
from accounts.services import create_user, issue_token
people = [create_user(email=f"person{number}@example.com", is_staff=number == 0) for number in range(%d)]
User.objects.filter(pk=people[0].pk).update(is_superuser=True)
for person in people:
    print(person.public_id, issue_token(user=person, name="events")[1])
"""

Loss = Literal["restart", "kill", "snapshot", "flush"]


class LiveEvents(LiveSite):
    """Started by `start`, ended by `stop`; `tell` puts events in the outbox as a transaction of the site would."""

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder, **{**WIDE, **settings})
        self.figures: dict[str, int] = {}
        self.staff_token = ""
        self.customers: list[tuple[str, str]] = []  # public id and token
        for name, command in NODES.items():
            self.add_node(name, command)

    @classmethod
    @contextmanager
    def running(
        cls, folder: Path, *names: str, demo: bool = False, customers: int = CUSTOMERS, **settings: str
    ) -> Iterator[Self]:
        """A site of these processes, for a benchmark; within a test run its schema is that of the others."""
        alone = "TEST_RUN_DIR" not in os.environ
        os.environ.setdefault("TEST_RUN_DIR", str(folder))
        site = cls(folder / "site", **settings)
        site.servers = EmbeddedServers(site.servers.folder)  # what is measured outlives a power cut
        try:
            site.prepare(demo=demo, customers=customers)
            site.start(*names)
            yield site
        finally:
            site.stop()
            if alone:
                del os.environ["TEST_RUN_DIR"]

    def add_node(self, name: str, command: str, **environment: object) -> None:
        """A process that serves sockets, known by a name from now on."""
        self.ports[name], self.figures[name] = free_ports(2)
        settings = {"METRICS_PORT": self.figures[name], **environment}
        words = " ".join(f"{key}={value}" for key, value in settings.items())
        self.commands[name] = f"env {words} {command.format(port=self.ports[name])}"

    def prepare(self, *, demo: bool = False, customers: int = CUSTOMERS) -> None:
        """Servers and schema; one who sees everything, and customers; a demo shop if wanted."""
        lay_schema(self.servers)
        self._stack.enter_context(self.servers.running())
        if demo:
            self.manage("setup_demo")
        lines = self.manage("shell", "-c", PEOPLE % (customers + 1)).stdout.splitlines()
        (_, self.staff_token), *self.customers = [(line.split()[0], line.split()[1]) for line in lines if "cs_" in line]

    def start(self, *names: str) -> None:
        """With a relay, the channels have their streams afterwards."""
        super().start(*names)
        if "relay" in names:
            wait_for(self.is_open, f"the channels: {self.log('relay')}")

    def is_open(self) -> bool:
        """Whether nodes find the channel, in the database and in Redis."""
        with self.redis() as client:
            known = client.hget(REGISTRY, CHANNEL)
        epochs = self.sql("SELECT epoch FROM events_outboxchannel WHERE channel = %s", CHANNEL)
        return known is not None and epochs == [(known.decode(),)]

    def url_of(self, node: str) -> str:
        return f"http://127.0.0.1:{self.ports[node]}"

    # --- The outbox --------------------------------------------------------------------------------------------------
    def tell(
        self,
        count: int,
        *,
        audiences: Sequence[str] = (STAFF,),
        size: int = 0,
        each: int = 500,
        ring: bool = True,
        rate: float = 0,
    ) -> None:
        """Commit that many events, `each` in a transaction, with `size` bytes more, for one audience after another."""
        began, written = time.monotonic(), 0
        with psycopg.connect(self.servers.database_url) as session, self.redis() as bell:
            while written < count:
                batch = min(each, count - written)
                told = facts(range(written, written + batch), audiences, size)
                session.execute(INSERT_FACTS, {"at": timezone.now(), "facts": told})
                session.commit()
                written += batch
                if ring:
                    ring_at(bell)
                if rate:
                    time.sleep(max(0.0, began + written / rate - time.monotonic()))

    def standing(self) -> tuple[str, int, int]:
        """Epoch, last number given and last number published."""
        query = "SELECT epoch, last_seq, published_seq FROM events_outboxchannel WHERE channel = %s"
        [(epoch, last, published)] = self.sql(query, CHANNEL)
        return epoch, last, published

    def settle(self) -> int:
        """Wait until nothing is on its way to Redis; the last number."""
        waiting = "SELECT count(*) FROM events_outboxevent WHERE status < 2"
        wait_for(lambda: self.sql(waiting) == [(0,)], f"the relay: {self.log('relay')[-2000:]}")
        return self.standing()[2]

    # --- Redis -------------------------------------------------------------------------------------------------------
    def put_back(self) -> None:
        """Wait until the stream ends where the database says."""
        wait_for(lambda: self.end_of_stream() == self.standing()[2], "the relay to put Redis back")

    def end_of_stream(self) -> int:
        """The last number that was ever in the stream; 0 when there is none."""
        with self.redis() as client:
            try:
                info = client.xinfo_stream(stream_key(CHANNEL, self.standing()[0]))
            except redis.ResponseError:
                return 0
        return int(info["last-generated-id"].partition(b"-")[0])

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.servers.redis_url)

    def lose(self, loss: Loss) -> None:
        """Redis comes back whole, empty or as of the last `keep_snapshot`."""
        dump = self.servers.home / "redis" / "dump.rdb"
        with self.redis() as client:
            if loss == "flush":
                client.flushall()
                return
            process = psutil.Process(client.info()["process_id"])
            if loss == "restart":
                client.shutdown(save=True)
            else:
                process.kill()
        wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "Redis to be gone")
        if loss == "kill":
            dump.unlink(missing_ok=True)
        self._stack.enter_context(self.servers.running(postgres=False))

    def keep_snapshot(self) -> None:
        with self.redis() as client:
            client.execute_command("SAVE")

    # --- Nodes -------------------------------------------------------------------------------------------------------
    def figure(self, node: str, name: str, **labels: str) -> float:
        """A series of a node, summed over the labels that are not given."""
        text = httpx.get(f"http://127.0.0.1:{self.figures[node]}/metrics", timeout=30).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def memory(self, name: str) -> int:
        """Bytes that a process really has."""
        return int(psutil.Process(self.processes[name].pid).memory_info().rss)

    def seconds(self, name: str) -> float:
        """The processor's seconds that a process has used."""
        times = psutil.Process(self.processes[name].pid).cpu_times()
        return float(times.user + times.system)

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """SIGSTOP, and SIGCONT afterwards."""
        process = psutil.Process(self.processes[name].pid)
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    @contextmanager
    def beside(self, name: str, command: str, **environment: object) -> Iterator[None]:
        """A node beside the two, gone afterwards."""
        self.add_node(name, command, **environment)
        self.start(name)
        try:
            yield
        finally:
            if self.processes[name].poll() is None:
                self.kill(name)
            del self.processes[name], self.ports[name], self.figures[name]


def facts(numbers: range, audiences: Sequence[str], size: int) -> str:
    """Events of one channel, as INSERT_FACTS takes them."""
    payloads = [
        orjson.dumps({"number": number, "told_ns": time.time_ns(), "pad": "x" * size}).decode() for number in numbers
    ]
    return document_of(payloads, [audiences[number % len(audiences)] for number in numbers])


def document_of(payloads: Sequence[str], audiences: Sequence[str] = ()) -> str:
    """The same of any payloads; by themselves for staff alone."""
    rows = [
        {
            "event_id": str(uuid4()),
            "channel": CHANNEL,
            "event_type": RAW,
            "schema_version": 1,
            "aggregate_type": "thing",
            "aggregate_id": str(number % 16),
            "audience": audiences[number] if audiences else STAFF,
            "payload": payload,
            "headers": "{}",
        }
        for number, payload in enumerate(payloads)
    ]
    return orjson.dumps(rows).decode()


def ring_at(bell: redis.Redis) -> None:
    """A best-effort wake-up, as the site's."""
    try:
        bell.publish(BELL, b"1")
    except redis.RedisError:
        return
