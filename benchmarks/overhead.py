"""What measuring a request costs, beside django-prometheus: `python -m benchmarks.overhead`.

One trivial view behind the same middleware three times, without measuring, measured by django-prometheus, and by us,
called as a WSGI and as an ASGI server would. All three take turns in one process, and the processor's time counts: so
that what else the machine does falls on each alike.
"""

import asyncio
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.runner import Result, plot, say
from benchmarks.trivial import BARE, CONTENDERS, OURS, PEER, asgi_scope, built, set_up, start_response, wsgi_environ

PATH = "/view-0/200"
TURN = 50
Figures = dict[str, float]


def over_wsgi(turns: int) -> Figures:
    """Contender → the processor's microseconds for a request: the median of its turns."""
    from django.core.wsgi import get_wsgi_application

    applications = {name: built(name, get_wsgi_application) for name in CONTENDERS}
    environ = wsgi_environ(PATH)
    taken: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(turns):
        for name, application in applications.items():
            began = time.process_time()
            for _ in range(TURN):
                response = application(dict(environ), start_response)
                b"".join(response)
            taken[name].append((time.process_time() - began) / TURN * 1e6)
    return {name: median(values) for name, values in taken.items()}


def over_asgi(turns: int) -> Figures:
    """The same over ASGI, one request after another on one loop."""
    return asyncio.run(take_turns(turns))


async def take_turns(turns: int) -> Figures:
    from django.core.asgi import get_asgi_application

    applications = {name: built(name, get_asgi_application) for name in CONTENDERS}
    scope = asgi_scope(PATH)
    taken: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(turns):
        for name, application in applications.items():
            began = time.process_time()
            for _ in range(TURN):
                await application(dict(scope), Receive(), send)
            taken[name].append((time.process_time() - began) / TURN * 1e6)
    return {name: median(values) for name, values in taken.items()}


class Receive:
    """A request without a body, from a client that stays."""

    def __init__(self) -> None:
        self.told = False

    async def __call__(self) -> Mapping[str, Any]:
        if self.told:
            await asyncio.Event().wait()
        self.told = True
        return {"type": "http.request", "body": b""}


async def send(message: Mapping[str, Any]) -> None:
    """The client hears it."""


SERVERS: dict[str, Callable[[int], Figures]] = {"WSGI": over_wsgi, "ASGI": over_asgi}


def cost(figures: Figures, contender: str) -> float:
    """Microseconds that measuring adds."""
    return max(figures[contender] - figures[BARE], 0.1)


def table(measured: Mapping[str, Figures]) -> str:
    """Markdown, as it goes into a report."""
    lines = [
        "| Server | Measured by | µs a request | measuring alone | × django-prometheus |",
        "|---|---|---:|---:|---:|",
    ]
    for server, figures in measured.items():
        lines.append(f"| {server} | nobody | {figures[BARE]:.0f} | | |")
        lines += [
            f"| {server} | {name} | {figures[name]:.0f} | {cost(figures, name):.0f} µs "
            f"| {cost(figures, name) / cost(figures, PEER):.2f} |"
            for name in (PEER, OURS)
        ]
    return "\n".join(lines)


def results(measured: Mapping[str, Figures]) -> list[Result]:
    """For the plot: how many times as many requests each could measure in the same time."""
    return [
        Result(server, name, 1e6 / cost(figures, name), 0, 0, cost(figures, PEER) / cost(figures, name))
        for server, figures in measured.items()
        for name in (PEER, OURS)
    ]


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=60, help=f"of {TURN} requests each")
    parser.add_argument("--plot", type=Path, default=Path("var/overhead.svg"))
    options = parser.parse_args()
    set_up()
    measured = {server: measure(options.turns) for server, measure in SERVERS.items()}
    say(table(measured))
    options.plot.parent.mkdir(exist_ok=True)
    plot(results(measured), options.plot, title="Requests measured in the same time, beside django-prometheus")


if __name__ == "__main__":
    main()
