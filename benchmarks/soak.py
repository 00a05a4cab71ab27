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
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from benchmarks.curves import Curve, draw
from benchmarks.listeners import Follower, until
from benchmarks.runner import machine, say
from benchmarks.site import CHANNEL, PORT_NAMES, ROOT, STAFF, LiveEvents

MEBIBYTE = 1 << 20
FLAT = 1.15
WARM = 0.4  # of a process' life: caches fill, buffers find their size
SETTLED_SECONDS = 60.0  # a life that is shorter says nothing about growth


@dataclass(frozen=True, kw_only=True)
class Load:
    """What goes on at once."""

    seconds: float = 1200
    sockets: int = 1000
    watchers: int = 20
    rate: float = 200
    orders: float = 3
    kill_every: float = 60


@dataclass
class Outcome:
    """What came of it."""

    events: int = 0
    deliveries: int = 0
    missed: int = 0
    repeated: int = 0
    foreign: int = 0
    gaps: int = 0
    kills: list[tuple[float, str]] = field(default_factory=list)
    reconciled: bool = False
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def growth(self) -> dict[str, float]:
        """By how much each process grew in its longest life, after it was warm; none that lived too shortly."""
        grown = {}
        for name, points in self.memory.items():
            life = max(self.lives(name, points), key=len)
            if len(life) > 4 and life[-1][0] - life[0][0] >= SETTLED_SECONDS:
                warm = [megabytes for _, megabytes in life[int(len(life) * WARM) :]]
                third = max(1, len(warm) // 3)
                grown[name] = max(warm[-third:]) / max(warm[:third])
        return grown

    def lives(self, name: str, points: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
        """The points between two kills."""
        ends = [at for at, killed in self.kills if killed == name]
        return [
            [point for point in points if begin <= point[0] < end]
            for begin, end in itertools.pairwise([0.0, *ends, float("inf")])
        ]

    @property
    def is_whole(self) -> bool:
        return self.reconciled and not (self.missed or self.repeated or self.foreign or self.gaps)


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
        since = site.standing()[2]
        companions = [asyncio.create_task(work()) for work in (self.kill_in_turn, self.measure, self.change_flags)]
        with self.traffic():
            count = int(load.rate * load.seconds)
            each = max(1, int(load.rate / 40))
            await asyncio.to_thread(site.tell, count, audiences=self.audiences, rate=load.rate, each=each, size=200)
        await self.end(companions)
        await asyncio.to_thread(self.come_to_rest)
        last = self.site.standing()[2]
        watchers = [each for key, each in self.followers if key == STAFF]
        await until(lambda: all(each.ids[-1] >= last for each in watchers), 60, "watchers to be up to date")
        await asyncio.sleep(1)
        self.compare(since, last)
        self.over.set()
        await asyncio.gather(*staying)
        for _, follower in self.followers:
            follower.cut()
        self.outcome.gaps = sum(len(each.gaps) for _, each in self.followers)
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
        for name in itertools.cycle(["web", "relay", "uvicorn", "worker", "importer", "exporter"]):
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
        """The memory of each process."""
        while True:
            for name, process in list(self.site.processes.items()):
                with suppress(psutil.Error):
                    self.outcome.memory[name].append(
                        (self.now(), psutil.Process(process.pid).memory_info().rss / MEBIBYTE)
                    )
            await asyncio.sleep(min(5.0, self.load.seconds / 40))

    async def change_flags(self) -> None:
        """One flag, on and off."""
        headers = {"Authorization": f"Bearer {self.site.staff_token}"}
        async with httpx.AsyncClient(base_url=self.site.url, headers=headers, timeout=10) as client:
            for enabled in itertools.cycle(["false", "true"]):
                with suppress(httpx.HTTPError):
                    await client.put(f"/api/v1/flags/cashback.auto_approve?enabled={enabled}&reason=soak")
                await asyncio.sleep(2)

    @contextmanager
    def traffic(self) -> Iterator[None]:
        """Shoppers, until the end of the block."""
        words = [sys.executable, "manage.py", "simulate_traffic", "--rate", str(self.load.orders)]
        with subprocess.Popen(words, cwd=ROOT, env=self.site.environment, stdout=subprocess.DEVNULL) as process:  # noqa: S603  our own words
            try:
                yield
            finally:
                process.terminate()

    def come_to_rest(self) -> None:
        self.site.come_to_rest()
        self.site.settle()

    def compare(self, since: int, last: int) -> None:
        """What each has, and what the database has for its user."""
        query = "SELECT seq, audience FROM events_outboxevent WHERE channel = %s AND seq > %s AND seq <= %s"
        meant: dict[str, list[int]] = defaultdict(list)
        for seq, audience in self.site.sql(query, CHANNEL, since, last):
            for key in audience:
                meant[key].append(seq)
        self.outcome.events = len(meant[STAFF])
        for key, follower in self.followers:
            got = [seq for seq in follower.ids if since < seq <= last]
            self.outcome.deliveries += len(got)
            self.outcome.missed += len(set(meant[key]) - set(got))
            self.outcome.foreign += len(set(got) - set(meant[key]))
            self.outcome.repeated += len(got) - len(set(got))

    def now(self) -> float:
        return time.monotonic() - self.began


def table(outcome: Outcome) -> str:
    """Markdown, as it goes into a report."""
    lines = [
        "| Events | Deliveries | Missed | Repeated | Foreign | Gaps | Kills | reconcile |",
        "|---:|---:|---:|---:|---:|---:|---:|---|",
        f"| {outcome.events:,} | {outcome.deliveries:,} | {outcome.missed} | {outcome.repeated} | {outcome.foreign} "
        f"| {outcome.gaps} | {len(outcome.kills)} | {'0' if outcome.reconciled else 'broken'} |",
        "",
        "| Process | MB at last | × when warm |",
        "|---|---:|---:|",
    ]
    growth = outcome.growth()
    lines += [
        f"| {name} | {points[-1][1]:.0f} | {growth[name]:.2f} |" if name in growth else f"| {name} | | |"
        for name, points in outcome.memory.items()
    ]
    return "\n".join(lines)


def curves(outcome: Outcome) -> list[Curve]:
    return [Curve(name, points) for name, points in outcome.memory.items()]


def soak(load: Load, folder: Path) -> Outcome:
    """The whole of it, in a site of its own. Raises AssertionError where a process does not stop in order."""
    settings = {"OUTBOX_LEASE_SECONDS": "3", "PAYMENT_POLL_SECONDS": "3", "REALTIME_PING_SECONDS": "25"}
    with LiveEvents.running(folder, *PORT_NAMES, "uvicorn", demo=True, **settings) as site:
        return asyncio.run(Soak(site, load).run())


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--watchers", type=int, default=20, help="of them, sockets of staff that see everything")
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
