"""One event to a thousand sockets, beside `group_send` of Channels and the kernel alone: `python -m benchmarks.fanout`.

Events come one at a time, at a pace; what counts is the processor's time of the server for a delivery. Contenders take
turns. Burst and the servers of other worlds: `benchmarks.peers`.
"""

import asyncio
import os
import select
import socket
import sys
import time
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.listeners import SocketListener, follow_socket, until
from benchmarks.runner import Result, machine, plot, say
from benchmarks.site import NODES, LiveEvents

FLOOR = "send(2) alone"
RATIO, KILOBYTES = 20.0, 30.0
BYTES = 230  # with what is around it, 334 on the wire
AT_ONCE = 50
EVENT = b"\x81\x7e\x01\x4a" + b"x" * 330


class Fanout(NamedTuple):
    """What one round of one contender took."""

    microseconds: float  # of the server's processor, for a delivery
    p50: float  # milliseconds from commit, or from the call, to the client
    p99: float
    lost: int
    kilobytes: float  # for a connection


class Paced(NamedTuple):
    """How many listen to how much."""

    sockets: int
    rate: float
    seconds: float

    @property
    def events(self) -> int:
        return int(self.rate * self.seconds)


async def ours(site: LiveEvents, node: str, pace: Paced) -> Fanout:
    """From the commit of a transaction to the clients, by outbox, relay and hub."""

    def tell_one(number: int) -> None:
        site.tell(1, size=BYTES)

    return await measure(site, node, pace, tell_one)


async def by_group_send(site: LiveEvents, node: str, pace: Paced) -> Fanout:
    """From the call to the clients."""
    from asgiref.sync import async_to_sync
    from channels_redis.core import RedisChannelLayer

    layer = RedisChannelLayer(hosts=[site.servers.redis_url], capacity=10_000)

    async def send(number: int) -> None:
        data = {"number": number, "pad": "x" * BYTES}
        await layer.group_send("events", {"type": "event", "data": data, "id": number + 1})
        await layer.close_pools()

    return await measure(site, node, pace, async_to_sync(send))


async def measure(site: LiveEvents, node: str, pace: Paced, tell_one: Any) -> Fanout:
    """Connect, tell, and count what it took; the first client and the first event are for warming up."""
    listeners = [await follow_socket(site.ports[node], site.staff_token)]
    await asyncio.sleep(0.5)
    memory = site.memory(node)
    while len(listeners) < pace.sockets:
        batch = [follow_socket(site.ports[node], site.staff_token) for _ in range(AT_ONCE)]
        listeners += await asyncio.gather(*batch[: pace.sockets - len(listeners)])
    await asyncio.to_thread(tell_one, 0)
    await until(lambda: all(each.ids for each in listeners), 60)
    kilobytes = (site.memory(node) - memory) / 1024 / max(1, pace.sockets - 1)
    for listener in listeners:
        del listener.ids[:]
        listener.times = []
    before = site.seconds(node)
    told = await asyncio.to_thread(tell_paced, pace, tell_one)
    wanted = pace.events * len(listeners)
    try:
        await until(lambda: sum(len(each.ids) for each in listeners) >= wanted, 10)
    except TimeoutError:
        say(f"{node}: not everything came")
    seconds = site.seconds(node) - before
    delays = delays_of(listeners, told)
    for listener in listeners:
        listener.cut()
    await asyncio.gather(*[each.closed for each in listeners])
    return Fanout(
        seconds / max(1, len(delays)) * 1e6,
        1000 * delays[len(delays) // 2],
        1000 * delays[int(len(delays) * 0.99)],
        wanted - len(delays),
        kilobytes,
    )


def tell_paced(pace: Paced, tell_one: Any) -> list[float]:
    """When each event was committed."""
    began, told = time.monotonic(), []
    for number in range(1, pace.events + 1):
        time.sleep(max(0.0, began + number / pace.rate - time.monotonic()))
        tell_one(number)
        told.append(time.monotonic())
    return told


def delays_of(listeners: Sequence[SocketListener], told: Sequence[float]) -> list[float]:
    """Seconds until each delivery, the shortest first. What arrives before its publisher knows took no time."""
    delays = [max(0.0, at - then) for each in listeners for at, then in zip(each.times or [], told, strict=False)]
    return sorted(delays) or [0.0]


def floor(pace: Paced) -> float:
    """Microseconds of `send(2)` of a ready frame to each of so many sockets, at the same pace."""
    server = socket.create_server(("127.0.0.1", 0), backlog=2048)
    pid = os.fork()
    if pid == 0:
        swallow(server.getsockname(), pace.sockets)
    taken = [server.accept()[0] for _ in range(pace.sockets)]
    for each in taken:
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    began = time.process_time()
    for _ in range(pace.events):
        for each in taken:
            each.send(EVENT)
        time.sleep(1 / pace.rate)
    seconds = time.process_time() - began
    for each in taken:
        each.close()
    os.waitpid(pid, 0)
    server.close()
    return seconds / (pace.events * pace.sockets) * 1e6


def swallow(address: tuple[str, int], count: int) -> None:
    """A process that reads whatever comes, until all is closed; never returns."""
    poll, sockets = select.epoll(), {}
    for _ in range(count):
        each = socket.create_connection(address)
        sockets[each.fileno()] = each
        poll.register(each.fileno(), select.EPOLLIN)
    while sockets:
        for number, _ in poll.poll():
            if not sockets[number].recv(65536):
                sockets.pop(number).close()
    os._exit(0)


PLAIN = {
    f"group_send on {name}": command.replace("coupon_site.asgi", "benchmarks.group_send")
    for name, command in NODES.items()
}


def compete(site: LiveEvents, pace: Paced, rounds: int) -> dict[str, Fanout]:
    """Contender → medians of rounds that take turns; what group_send needs limits how many events it gets."""
    taken: dict[str, list[Fanout]] = defaultdict(list)
    for number in range(rounds):
        taken[FLOOR].append(Fanout(floor(pace), 0, 0, 0, 0))
        for name in NODES:
            taken[f"ours on {name}"].append(asyncio.run(ours(site, name, pace)))
        for name, command in PLAIN.items():
            with site.beside("plain", command, METRICS_PORT=0):
                slower = pace._replace(rate=pace.rate / 5)
                taken[name].append(asyncio.run(by_group_send(site, "plain", slower)))
        say(f"round {number + 1} of {rounds}")
    return {name: Fanout(*map(median, zip(*rows, strict=True))) for name, rows in taken.items()}


def table(figures: Mapping[str, Fanout]) -> str:
    """Markdown, as it goes into a report."""
    least = figures[FLOOR].microseconds
    lines = [
        "| Contender | CPU µs a delivery | × send(2) | p50 ms | p99 ms | lost | KB a connection |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {each.microseconds:.1f} | {each.microseconds / least:.2f} | {each.p50:.1f} | {each.p99:.1f} "
        f"| {each.lost:.0f} | {each.kilobytes:.1f} |"
        for name, each in figures.items()
    ]
    return "\n".join(lines)


def is_met(figures: Mapping[str, Fanout]) -> bool:
    """On uvicorn at most a twentieth of what `group_send` takes there, and 30 KB for a connection."""
    own, plain = figures["ours on uvicorn"], figures["group_send on uvicorn"]
    return own.microseconds * RATIO <= plain.microseconds and own.kilobytes <= KILOBYTES and not own.lost


def results(figures: Mapping[str, Fanout]) -> list[Result]:
    most = max(each.microseconds for each in figures.values())
    return [
        Result("fan-out", name, 1e6 / each.microseconds, each.microseconds / 1e6, 0, most / each.microseconds)
        for name, each in figures.items()
    ]


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path, default=Path("var/fanout.svg"))
    options = parser.parse_args()
    pace = Paced(options.sockets, options.rate, options.seconds)
    with TemporaryDirectory(prefix="fanout-") as name:
        Path(name).chmod(0o755)
        with LiveEvents.running(Path(name), "relay", *NODES, REALTIME_PING_SECONDS="25") as site:
            figures = compete(site, pace, options.rounds)
    say(machine())
    say(table(figures))
    options.plot.parent.mkdir(exist_ok=True)
    plot(results(figures), options.plot, title="Deliveries in the same time of the processor")
    sys.exit(not is_met(figures))


if __name__ == "__main__":
    main()
