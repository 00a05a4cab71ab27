"""What shops read all the time, beside a plain viewset of DRF: `python -m benchmarks.reads`.

An order on WSGI, as production serves it, beside DRF on gunicorn (`benchmarks/requirements.txt`), and what is answered
in front of Django on ASGI: flags, all flags for a context (OFREP), a sale's availability. One process each; requests
over kept connections, a fixed number at a time.
"""

import asyncio
import json
import re
import sys
import time
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.runner import Result, machine, plot, say, table
from benchmarks.site import NODES, LiveEvents

CONNECTIONS = 32
WARM_SECONDS = 1.0
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PLAIN, WSGI = "DRF on gunicorn", "ours on granian"
SERVERS = {
    PLAIN: "gunicorn --bind 127.0.0.1:{port} --workers 1 --worker-class gthread --threads 8 --log-level warning "
    "benchmarks.plain_order:application",
    WSGI: "granian --interface wsgi --host 127.0.0.1 --port {port} --workers 1 --blocking-threads 4 "
    "--log-level warning --no-access-log coupon_site.wsgi:application",
}
SETTINGS = {PLAIN: "benchmarks.plain_settings", WSGI: "coupon_site.settings"}
BAR = 1.5


class Read(NamedTuple):
    """One request, again and again, of one server."""

    job: str
    server: str
    request: bytes


class Reader(asyncio.Protocol):
    """Asks as soon as it has been answered, until the time is over."""

    def __init__(self, request: bytes, until: float) -> None:
        self.request, self.until = request, until
        self.answers = self.failures = 0
        self.rest = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  it is TCP
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.rest += data
        end = self.rest.find(b"\r\n\r\n")
        if end < 0:
            return
        found = LENGTH.search(self.rest, 0, end)
        if len(self.rest) < end + 4 + (int(found[1]) if found else 0):
            return
        self.answers += 1
        self.failures += self.rest[9:10] != b"2"
        self.rest = b""
        if time.monotonic() < self.until:
            self.transport.write(self.request)
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def ask(port: int, request: bytes, seconds: float) -> float:
    """Answers a second. Raises RuntimeError where one is no success."""
    loop, began = asyncio.get_running_loop(), time.monotonic()
    readers = [
        (await loop.create_connection(lambda: Reader(request, began + seconds), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*[reader.done for reader in readers])
    if failures := sum(reader.failures for reader in readers):
        raise RuntimeError(f"{failures} refused: {request[:80]!r}")
    return sum(reader.answers for reader in readers) / (time.monotonic() - began)


def request(method: str, path: str, token: str = "", body: object = None) -> bytes:
    text = json.dumps(body).encode() if body is not None else b""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, f"Content-Length: {len(text)}", "", ""]).encode() + text


def reads(site: LiveEvents) -> list[Read]:
    """What is asked of whom."""
    token = f"cs_{site.tokens[1]}"
    site.url = site.url_of("uvicorn")
    order = site.buy()
    sale = order["lines"][0]["sale"]
    hot = {
        "flags": request("GET", "/api/v1/flags/", token),
        "OFREP": request("POST", "/ofrep/v1/evaluate/flags", token, {"context": {"targetingKey": "user-1"}}),
        "availability": request("GET", f"/api/v1/sales/{sale}/availability"),
    }
    return [
        Read("an order", PLAIN, request("GET", f"/orders/{order['id']}/", token)),
        Read("an order", WSGI, request("GET", f"/api/v1/orders/{order['id']}/", token)),
        *(Read(job, WSGI, text) for job, text in hot.items()),
        *(Read(job, node, text) for node in NODES for job, text in hot.items()),
    ]


def compete(site: LiveEvents, seconds: float, rounds: int) -> Sequence[Result]:
    """All in turn; ratios are to the first server of each job."""
    for name, command in SERVERS.items():
        site.add_node(name, command, METRICS_PORT=0, DJANGO_SETTINGS_MODULE=SETTINGS[name])
    site.start(*SERVERS)
    chosen = reads(site)
    taken: dict[Read, list[float]] = defaultdict(list)
    for number in range(rounds):
        for read in chosen:
            asyncio.run(ask(site.ports[read.server], read.request, WARM_SECONDS))
            taken[read].append(asyncio.run(ask(site.ports[read.server], read.request, seconds)))
        say(f"round {number + 1} of {rounds}")
    return compared(taken)


def compared(taken: Mapping[Read, Sequence[float]]) -> list[Result]:
    rates = {read: median(values) for read, values in taken.items()}
    first: dict[str, float] = {}
    for read, rate in rates.items():
        first.setdefault(read.job, rate)
    return [Result(read.job, read.server, rate, 0, 0, rate / first[read.job]) for read, rate in rates.items()]


def is_met(results: Sequence[Result]) -> bool:
    """An order, beside DRF."""
    return all(each.ratio >= BAR for each in results if (each.job, each.contender) == ("an order", WSGI))


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path, default=Path("var/reads.svg"))
    options = parser.parse_args()
    with TemporaryDirectory(prefix="reads-") as name:
        Path(name).chmod(0o755)
        with LiveEvents.running(Path(name), *NODES, demo=True, OFREP_REQUESTS_PER_MINUTE="1000000000") as site:
            results = compete(site, options.seconds, options.rounds)
    say(machine())
    say(table(results))
    options.plot.parent.mkdir(exist_ok=True)
    plot(results, options.plot, title="Answers in the same time, beside the first server")
    sys.exit(not is_met(results))


if __name__ == "__main__":
    main()
