"""What measuring a request costs, beside django-prometheus: `python -m benchmarks.overhead`.

The same trivial view in one process each, without measuring, measured by django-prometheus, and by us; called as a WSGI
and as an ASGI server would. Processor time counts: with other work on the machine the clock says little.
"""

import asyncio
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.runner import TOOK, Result, measure, plot, say
from benchmarks.trivial import BARE, CONTENDERS, OURS, PEER, asgi_scope, set_up, start_response, wsgi_environ

PATH = "/view-0/200"
WARM_UP = 300


def call_wsgi(requests: int) -> float:
    """The processor's seconds for so many requests."""
    from django.core.wsgi import get_wsgi_application

    application, environ = get_wsgi_application(), wsgi_environ(PATH)

    def serve(count: int) -> None:
        for _ in range(count):
            response = application(dict(environ), start_response)
            b"".join(response)
            response.close()

    serve(WARM_UP)
    began = time.process_time()
    serve(requests)
    return time.process_time() - began


def call_asgi(requests: int) -> float:
    """The same over ASGI, one after another on one loop."""
    from django.core.asgi import get_asgi_application

    application, scope = get_asgi_application(), asgi_scope(PATH)
    never = asyncio.Event()
    body: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        if body:
            return body.pop()
        await never.wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        pass

    async def serve(count: int) -> None:
        for _ in range(count):
            body.append({"type": "http.request", "body": b""})
            await application(dict(scope), receive, send)
            body.clear()

    async def run() -> float:
        await serve(WARM_UP)
        began = time.process_time()
        await serve(requests)
        return time.process_time() - began

    return asyncio.run(run())


SERVERS: dict[str, Callable[[int], float]] = {"WSGI": call_wsgi, "ASGI": call_asgi}


def work(server: str, contender: str, requests: int) -> None:
    """What a measured process does."""
    set_up(contender)
    say(f"{TOOK}{SERVERS[server](requests)}")


def compete(requests: int, rounds: int) -> dict[tuple[str, str], float]:
    """(server, contender) → microseconds of the processor for one request: the median of rounds that take turns."""
    taken: dict[tuple[str, str], list[float]] = {(server, name): [] for server in SERVERS for name in CONTENDERS}
    for number in range(rounds):
        for (server, contender), values in taken.items():
            words = [sys.executable, "-m", "benchmarks.overhead", "--requests", str(requests)]
            done = measure([*words, "--work", server, contender], {})
            values.append(done.seconds / requests * 1e6)
            say(f"round {number + 1}: {server}, {contender}: {values[-1]:.0f} µs")
    return {key: median(values) for key, values in taken.items()}


def table(figures: Mapping[tuple[str, str], float]) -> str:
    """Markdown, as it goes into a report."""
    lines = [
        "| Server | Measured by | µs a request | measuring alone | × django-prometheus |",
        "|---|---|---:|---:|---:|",
    ]
    for server in SERVERS:
        theirs = figures[server, PEER] - figures[server, BARE]
        lines.append(f"| {server} | nobody | {figures[server, BARE]:.0f} | | |")
        for contender in (PEER, OURS):
            extra = figures[server, contender] - figures[server, BARE]
            lines.append(
                f"| {server} | {contender} | {figures[server, contender]:.0f} | {extra:.0f} µs | {extra / theirs:.2f} |"
            )
    return "\n".join(lines)


def results(figures: Mapping[tuple[str, str], float]) -> list[Result]:
    """For the plot: how many times as fast as django-prometheus each measures."""
    found = []
    for server in SERVERS:
        extra = {name: max(figures[server, name] - figures[server, BARE], 0.1) for name in (PEER, OURS)}
        found += [Result(server, name, 1e6 / own, own / 1e6, 0, extra[PEER] / own) for name, own in extra.items()]
    return found


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path, default=Path("var/overhead.svg"))
    parser.add_argument("--work", nargs=2, metavar=("SERVER", "CONTENDER"), help="only do what is measured")
    options = parser.parse_args()
    if options.work:
        server, contender = options.work
        work(server, contender, options.requests)
        return
    figures = compete(options.requests, options.rounds)
    say(table(figures))
    options.plot.parent.mkdir(exist_ok=True)
    plot(results(figures), options.plot, title="Requests measured in the same time, beside django-prometheus")


if __name__ == "__main__":
    main()
