"""Twenty minutes of everything, with a process killed every minute: `python -m benchmarks.soak`.

Sockets on both servers, events for staff and for single customers, orders, flags that change. At the end every socket
has exactly the events that the database has for its user, `reconcile` finds nothing, and no process has grown.
"""

import asyncio
import itertools
import random
import subprocess
import sys
import time
from argparse import ArgumentParser
from array import array
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from benchmarks.curves import draw
from benchmarks.listeners import Follower, until
from benchmarks.runner import machine, say
from benchmarks.site import CHANNEL, PORT_NAMES, ROOT, STAFF, LiveEvents
from benchmarks.soak_outcome import Outcome, curves, table

MEBIBYTE = 1 << 20
FLAT = 1.15


@dataclass(frozen=True, kw_only=True)
class Load:
    """What goes on at once."""

    seconds: float = 1200
    sockets: int = 1000
    watchers: int = 20
    customers: int = 100
    rate: float = 200
    orders: float = 3
    kill_every: float = 60


class Soak:
    """A site of its own under a load."""

    def __init__(self, site: LiveEvents, load: Load) -> None:
        self.site, self.load = site, load
        self.outcome = Outcome()
        self.over = asyncio.Event()
        self.began = time.monotonic()
        self.chance = random.Random(1)  # noqa: S311  who listens where
        people = [(f"user:{public_id}", token) for public_id, token in site.customers]
        keys = [(STAFF, site.staff_token)] * load.watchers
        keys += [people[number % len(people)] for number in range(load.sockets - load.watchers)]
        self.followers = [(key, Follower(token)) for key, token in keys]
        self.audiences = [f"{STAFF} {key}" for key, _ in people]

    async def run(self) -> Outcome:
        site, load = self.site, self.load
        staying = [asyncio.create_task(each.stay(self.port, self.over)) for _, each in self.followers]
        await until(lambda: all(each.epoch for _, each in self.followers), 120, "everybody to be connected")
        since, orders = site.standing()[2], self.orders()
        companions = [asyncio.create_task(work()) for work in (self.kill_in_turn, self.measure, self.change_flags)]
        async with self.traffic():
            count = int(load.rate * load.seconds)
            each = max(1, int(load.rate / 40))
            await asyncio.to_thread(site.tell, count, audiences=self.audiences, rate=load.rate, each=each, size=200)
        await self.end(companions)
        meant, last = await asyncio.to_thread(self.meant, since)
        with suppress(TimeoutError):  # what has not come by then is missed
            await until(lambda: all(is_up_to_date(each.ids, meant[key]) for key, each in self.followers), 60)
        self.over.set()
        await asyncio.gather(*staying)
        for key, follower in self.followers:
            follower.cut()
            gaps = [(gap["from"], gap["to"]) for gap in follower.gaps]
            self.outcome.add([seq for seq in follower.ids if since < seq <= last], meant[key], gaps=gaps)
        self.outcome.events = len(meant[STAFF])
        self.outcome.orders = self.orders() - orders
        self.outcome.reconciled = site.manage("reconcile", check=False).returncode == 0
        return self.outcome

    async def end(self, companions: list[asyncio.Task[None]]) -> None:
        """A process that is being killed comes up again first."""
        kill, *others = companions
        for task in others:
            task.cancel()
        self.load_is_over = True
        await kill
        await asyncio.gather(*others, return_exceptions=True)

    load_is_over = False

    def port(self) -> int:
        return self.site.ports[self.chance.choice(["web", "uvicorn"])]

    async def kill_in_turn(self) -> None:
        """One process after another, as by a power cut."""
        for name in itertools.cycle(["relay", "web", "uvicorn", "worker", "importer", "exporter"]):
            due = time.monotonic() + self.load.kill_every
            while time.monotonic() < due:
                if self.load_is_over:
                    return
                await asyncio.sleep(0.2)
            self.outcome.kills.append((self.now(), name))
            self.site.kill(name)
            await asyncio.to_thread(self.site.start, name)
            say(f"{self.now():.0f} s: {name} killed and started again")

    async def measure(self) -> None:
        """The memory of each process, and how many sockets it has."""
        while True:
            sockets = Counter(follower.port for _, follower in self.followers)
            for name, process in list(self.site.processes.items()):
                with suppress(psutil.Error):
                    megabytes = psutil.Process(process.pid).memory_info().rss / MEBIBYTE
                    count = sockets[self.site.ports[name]] if name in self.site.ports else 0
                    self.outcome.memory[name].append((self.now(), megabytes, count))
            await asyncio.sleep(min(5.0, self.load.seconds / 40))

    async def change_flags(self) -> None:
        """One flag, on and off."""
        headers = {"Authorization": f"Bearer {self.site.staff_token}"}
        async with httpx.AsyncClient(base_url=self.site.url, headers=headers, timeout=10) as client:
            for enabled in itertools.cycle(["false", "true"]):
                with suppress(httpx.HTTPError):
                    answer = await client.put(f"/api/v1/flags/cashback.auto_approve?enabled={enabled}&reason=soak")
                    self.outcome.flag_changes += answer.is_success
                await asyncio.sleep(2)

    @asynccontextmanager
    async def traffic(self) -> AsyncIterator[None]:
        """Shoppers, until the end of the block."""
        words = [sys.executable, "manage.py", "simulate_traffic", "--rate", str(self.load.orders)]
        process = await asyncio.create_subprocess_exec(
            *words, cwd=ROOT, env=self.site.environment, stdout=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            process.terminate()
            await process.wait()

    def orders(self) -> int:
        [(count,)] = self.site.sql("SELECT count(*) FROM orders_order")
        return int(count)

    def meant(self, since: int) -> tuple[dict[str, "array[int]"], int]:
        """What the database has for each audience key, and its last number, when nothing is on its way any more."""
        self.site.come_to_rest()
        last = self.site.settle()
        query = (
            "SELECT seq, audience FROM events_outboxevent WHERE channel = %s AND seq > %s AND seq <= %s ORDER BY seq"
        )
        meant: dict[str, array[int]] = defaultdict(lambda: array("q"))
        for seq, audience in self.site.sql(query, CHANNEL, since, last):
            for key in audience:
                meant[key].append(seq)
        return meant, last

    def now(self) -> float:
        return time.monotonic() - self.began


def is_up_to_date(ids: "array[int]", meant: "array[int]") -> bool:
    """Whether a client has got the last of what is meant for it."""
    return not meant or bool(ids and ids[-1] >= meant[-1])


def soak(load: Load, folder: Path) -> Outcome:
    """The whole of it, in a site of its own. Raises AssertionError where a process does not stop in order."""
    settings = {"OUTBOX_LEASE_SECONDS": "3", "PAYMENT_POLL_SECONDS": "3", "REALTIME_PING_SECONDS": "25"}
    with LiveEvents.running(folder, *PORT_NAMES, "uvicorn", demo=True, customers=load.customers, **settings) as site:
        return asyncio.run(Soak(site, load).run())


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--watchers", type=int, default=20, help="of them, sockets of staff that see everything")
    parser.add_argument("--customers", type=int, default=100, help="whose the other sockets are")
    parser.add_argument("--rate", type=float, default=200, help="events a second")
    parser.add_argument("--orders", type=float, default=3, help="orders a second")
    parser.add_argument("--kill-every", type=float, default=60, help="seconds")
    parser.add_argument("--plot", type=Path, default=Path("var/soak.svg"))
    options = vars(parser.parse_args())
    path, minutes = options.pop("plot"), options.pop("minutes")
    with TemporaryDirectory(prefix="soak-") as name:
        Path(name).chmod(0o755)
        outcome = soak(Load(seconds=60 * minutes, **options), Path(name))
    say(machine())
    say(table(outcome))
    draw(curves(outcome), path, title="Memory of each process, MB", marks=outcome.kills)
    if not outcome.is_whole or any(times > FLAT for times in outcome.growth().values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
