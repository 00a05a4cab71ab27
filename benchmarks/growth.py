"""How cost grows with size, where it should not: `python -m benchmarks.growth`. Flat is within 20 %.

A delivery among 200 to 5,000 sockets, on each server; reading an order among more and more orders. What a message costs
while others wait tells `benchmarks.outbox`, a check among many flags `benchmarks.flags`.
"""

import asyncio
import sys
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx

from benchmarks.curves import Curve, draw
from benchmarks.fanout import Paced, ours
from benchmarks.runner import machine, say, sessions_seconds
from benchmarks.site import NODES, LiveEvents

FLAT = 1.2
SOCKETS = (200, 1_000, 5_000)
ORDERS = (0, 10_000, 100_000, 1_000_000)
READS = 300
DELIVERIES = 20_000
# Copies of the newest order.
MORE_ORDERS = """
INSERT INTO orders_order ({columns})
SELECT {values} FROM orders_order AS model, generate_series(1, %s) AS copy (place)
WHERE model.id = (SELECT max(id) FROM orders_order)
"""

Curves = dict[str, dict[int, float]]


def deliveries(folder: Path, sizes: Sequence[int], rounds: int) -> Curves:
    """Server → sockets → microseconds of its processor for a delivery; so many deliveries at each size."""
    taken: dict[tuple[str, int], list[float]] = defaultdict(list)
    with LiveEvents.running(folder, "relay", *NODES, REALTIME_PING_SECONDS="25") as site:
        for _ in range(rounds):
            for size in sizes:
                pace = Paced(size, rate=10, seconds=max(1.0, DELIVERIES / size / 10))
                for node in NODES:
                    taken[node, size].append(asyncio.run(ours(site, node, pace)).microseconds)
                    say(f"{node}, {size:,} sockets: {taken[node, size][-1]:.1f} µs a delivery")
    return by_name(taken)


def order_reads(folder: Path, sizes: Sequence[int], rounds: int) -> Curves:
    """Among so many orders → milliseconds of the processor, PostgreSQL's part included, for one read."""
    taken: dict[tuple[str, int], list[float]] = defaultdict(list)
    with LiveEvents.running(folder, "uvicorn", demo=True) as site:
        site.url = site.url_of("uvicorn")
        order = site.buy()["id"]
        for size in sizes:
            fill(site, size)
            for _ in range(rounds):
                taken["an order", size].append(read(site, order))
                say(f"an order among {size:,}: {taken['an order', size][-1]:.2f} ms")
    return by_name(taken)


def fill(site: LiveEvents, size: int) -> None:
    """That many orders more than none."""
    names = [
        name
        for (name,) in site.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'orders_order' "
            "AND column_name <> 'id' AND is_generated = 'NEVER' AND is_identity = 'NO'"
        )
    ]
    [(there,)] = site.sql("SELECT count(*) - 1 FROM orders_order")
    own = {"public_id": "gen_random_uuid()", "number": f"lpad(({there} + place)::text, 11, '0')"}
    values = [own.get(name, f"model.{name}") for name in names]
    query = MORE_ORDERS.format(columns=", ".join(names), values=", ".join(values))
    site.sql(query, max(0, size - there))
    site.sql("ANALYZE orders_order")


def read(site: LiveEvents, order: str) -> float:
    with httpx.Client(base_url=site.url, headers=site.signature(1), timeout=30) as client:
        for _ in range(20):
            client.get(f"/api/v1/orders/{order}/").raise_for_status()
        before = used(site)
        for _ in range(READS):
            client.get(f"/api/v1/orders/{order}/").raise_for_status()
        return (used(site) - before) / READS * 1e3


def used(site: LiveEvents) -> float:
    """The processor's seconds of the server and of PostgreSQL's sessions."""
    [(pid,)] = site.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    return site.seconds("uvicorn") + sessions_seconds(pid)


def by_name(taken: Mapping[tuple[str, int], list[float]]) -> Curves:
    """Medians."""
    curves: Curves = defaultdict(dict)
    for (name, size), values in taken.items():
        curves[name][size] = median(values)
    return curves


def table(curves: Curves) -> str:
    """Markdown, as it goes into a report; the last column is how often the smallest's cost."""
    lines = ["| Cost of | at | is | × the smallest |", "|---|---:|---:|---:|"]
    for name, points in curves.items():
        least = points[min(points)]
        lines += [f"| {name} | {size:,} | {cost:.2f} | {cost / least:.2f} |" for size, cost in points.items()]
    return "\n".join(lines)


def is_flat(curves: Curves) -> bool:
    return all(max(points.values()) <= FLAT * points[min(points)] for points in curves.values())


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, nargs="*", default=SOCKETS)
    parser.add_argument("--orders", type=int, nargs="*", default=ORDERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path, default=Path("var/growth.svg"))
    options = parser.parse_args()
    curves: Curves = {}
    for measure, sizes in ((deliveries, options.sockets), (order_reads, options.orders)):
        if sizes:
            with TemporaryDirectory(prefix="growth-") as name:
                Path(name).chmod(0o755)
                curves |= measure(Path(name), sizes, options.rounds)
    say(machine())
    say(table(curves))
    lines = [
        Curve(name, [(place, cost / points[min(points)]) for place, cost in enumerate(points.values())])
        for name, points in curves.items()
    ]
    draw(lines, options.plot, title="Cost, × that of the smallest, from size to size")
    sys.exit(not is_flat(curves))


if __name__ == "__main__":
    main()
