"""The product among servers of other worlds, in the same rounds: `python -m benchmarks.peers RUN fanout|orders|http`.

RUN is a driver that starts them and measures whoever stands in its `--extra FILE` too. Only ratios of one run count.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.bridge import bridge
from benchmarks.runner import Result, machine, plot, say
from benchmarks.site import NODES, LiveEvents

Row = Mapping[str, Any]
Scenarios = dict[str, dict[str, Any]]
BUYERS = 5_000
UNITS = 1_000
PREPARE = f"""
import hashlib
from accounts.models import ApiToken, User
users = User.objects.bulk_create(
    [User(email=f"buyer{{n}}@example.com", name="Buyer", password="!") for n in range(1, {BUYERS} + 1)]
)
ApiToken.objects.bulk_create(
    [
        ApiToken(user=user, name="b", digest=hashlib.sha256(f"cs_buyer{{n}}".encode()).hexdigest(), hint="cs_buyer")
        for n, user in enumerate(users, 1)
    ]
)
"""
RESET = (
    "TRUNCATE orders_order, coupon_site_idempotencyrecord, orders_buyerallowance, events_outboxmessage, "
    "events_outboxevent CASCADE; UPDATE orders_salestock SET reserved = 0, sold = 0"
)
SOLD = (
    "SELECT coalesce(sum(l.quantity), 0) FROM orders_orderline l JOIN orders_flashsale s ON s.id = l.sale_id "
    "WHERE s.public_id = '{sale}'"
)


class Bar(NamedTuple):
    """Ours, divided by a peer's, is at least (or at most) so much."""

    ours: str
    peer: str
    column: str
    times: float
    at_least: bool


class Job(NamedTuple):
    """What is measured, of whom, and what counts."""

    processes: tuple[str, ...]
    demo: bool
    peers: tuple[str, ...]
    options: tuple[str, ...]
    scenarios: Callable[[LiveEvents], Any]
    columns: tuple[str, ...]
    bars: tuple[Bar, ...]


@contextmanager
def fanout(site: LiveEvents) -> Iterator[Scenarios]:
    """Both nodes, told by way of outbox and relay."""
    with bridge(site) as address:
        yield {
            f"ours-{name}": {
                "url": f"ws://127.0.0.1:{site.ports[name]}/api/v1/realtime/ws?channels=events:orders",
                "pid": [site.processes[name].pid],
                "mode": "http",
                "http_url": address,
                "client": ["--header", f"Authorization: Bearer {site.staff_token}"],
            }
            for name in NODES
        }


@contextmanager
def orders(site: LiveEvents) -> Iterator[Scenarios]:
    """Buyers with a token each on one sale; a process of each server, started by the driver."""
    site.manage("shell", "-c", PREPARE)
    sale = site.manage("setup_demo", "--sale-of", str(UNITS)).stdout.split()[-1]
    yield {
        f"ours-{name}": {
            "cmd": command.split(),
            "cwd": str(Path.cwd()),
            "env": {**site.environment, "REDIS_URL": "{redis}", "METRICS_PORT": "0"},
            "path": "/api/v1/orders/",
            "body": json.dumps({"lines": [{"sale": sale, "quantity": 1}]}),
            "header": "Authorization: Bearer cs_buyer%N%\r\nIdempotency-Key: key-%N%",
            "db_url": site.servers.database_url,
            "sold_sql": SOLD.format(sale=sale),
            "reset_sql": "SELECT 1",
            "reset_cmd": [sys.executable, "-m", "benchmarks.peers", "--reset", site.servers.database_url],
        }
        for name, command in NODES.items()
    }


@contextmanager
def http(site: LiveEvents) -> Iterator[Scenarios]:
    """What everybody asks for while a sale is on."""
    sale = site.manage("setup_demo", "--sale-of", str(UNITS)).stdout.split()[-1]
    yield {
        f"ours-{name}": {
            "url": f"{site.url_of(name)}/api/v1/sales/{sale}/availability",
            "pid": [site.processes[name].pid],
        }
        for name in NODES
    }


JOBS = {
    "fanout": Job(
        ("relay", *NODES),
        demo=False,
        peers=("fastapi-shared", "ws-node"),
        options=("--n", "1000", "--events", "200", "--rates", "10"),
        scenarios=fanout,
        columns=("server_cpu_ms_per_1000", "per_s", "p99_ms", "lost", "rss_conn_kb"),
        bars=(
            Bar("ours-uvicorn rate=10.0", "ws-node rate=10.0", "server_cpu_ms_per_1000", 0.6, at_least=False),
            Bar("ours-daphne rate=10.0", "fastapi-shared rate=10.0", "server_cpu_ms_per_1000", 0.8, at_least=False),
            Bar("ours-uvicorn rate=10.0", "fastapi-shared rate=10.0", "p99_ms", 1.0, at_least=False),
            Bar("ours-uvicorn rate=0.0", "ws-node rate=0.0", "per_s", 1.5, at_least=True),
        ),
    ),
    "orders": Job(
        (),
        demo=True,
        peers=("fastapi-asyncpg", "fastify-lua-bullmq"),
        options=("--conc", "32", "--stock", str(UNITS), "--attempts", str(BUYERS)),
        scenarios=orders,
        columns=("accepted_per_s", "ok_p99_ms", "server_cpu_ms_per_req", "oversold", "mismatch"),
        bars=(
            Bar("ours-uvicorn", "fastify-lua-bullmq", "accepted_per_s", 2.0, at_least=True),
            Bar("ours-daphne", "fastify-lua-bullmq", "accepted_per_s", 1.0, at_least=True),
        ),
    ),
    "http": Job(
        tuple(NODES),
        demo=True,
        peers=("fastapi-uvicorn", "django-drf-gunicorn1x8"),
        options=("--conc", "32"),
        scenarios=http,
        columns=("rps", "cpu_us_per_req", "bad"),
        bars=(Bar("ours-uvicorn", "fastapi-uvicorn", "rps", 1.0, at_least=True),),
    ),
}


def compete(driver: Path, name: str, rounds: int) -> dict[str, dict[str, float]]:
    """Contender → column → median of the rounds."""
    job = JOBS[name]
    with TemporaryDirectory(prefix="peers-") as folder:
        Path(folder).chmod(0o755)
        running = LiveEvents.running(Path(folder), *job.processes, demo=job.demo, REALTIME_PING_SECONDS="25")
        with running as site, job.scenarios(site) as scenarios:
            extra = Path(folder) / "extra.json"
            extra.write_text(json.dumps(scenarios))
            extra.chmod(0o600)
            words = [name, *job.peers, *scenarios, *job.options, "--rounds", str(rounds), "--extra", str(extra)]
            return medians(measured([str(driver), *words]), job.columns)


def measured(words: Sequence[str]) -> list[Row]:
    """What the driver says, line by line. Raises RuntimeError where it measured nothing of somebody."""
    rows = []
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own words
        for line in process.stdout or ():
            say(line.rstrip())
            if line.startswith("{"):
                rows.append(json.loads(line))
    if failed := [row for row in rows if "error" in row]:
        raise RuntimeError(f"{failed[0]['name']}: {failed[0]['error']}")
    return rows


def medians(rows: Sequence[Row], columns: Sequence[str]) -> dict[str, dict[str, float]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[f"{row['name']} rate={row['rate']}" if "rate" in row else row["name"]].append(row)
    return {
        name: {column: median(values) for column in columns if (values := known(group, column))}
        for name, group in groups.items()
    }


def known(rows: Sequence[Row], column: str) -> list[float]:
    return [row[column] for row in rows if row.get(column) is not None]


def table(figures: Mapping[str, Mapping[str, float]], job: Job) -> str:
    """Markdown, as it goes into a report: everybody's figures, and which bar is met."""
    lines = [f"| Contender | {' | '.join(job.columns)} |", "|---|" + "---:|" * len(job.columns)]
    lines += [
        f"| {name} | " + " | ".join(f"{own[each]:,.2f}" if each in own else "" for each in job.columns) + " |"
        for name, own in sorted(figures.items())
    ]
    lines += ["", "| Bar | Ratio | Wanted | Met |", "|---|---:|---:|---|"]
    for bar in job.bars:
        times = ratio(figures, bar)
        wanted = f"{'≥' if bar.at_least else '≤'} {bar.times:g}"
        met = "yes" if is_met(times, bar) else "no"
        lines.append(f"| {bar.column}: {bar.ours} ÷ {bar.peer} | {times:.2f} | {wanted} | {met} |")
    return "\n".join(lines)


def ratio(figures: Mapping[str, Mapping[str, float]], bar: Bar) -> float:
    return figures[bar.ours][bar.column] / figures[bar.peer][bar.column]


def is_met(times: float, bar: Bar) -> bool:
    return times >= bar.times if bar.at_least else times <= bar.times


def results(figures: Mapping[str, Mapping[str, float]], job: Job) -> list[Result]:
    """For the plot: each bar's ratio, the better the longer."""
    times = {bar: ratio(figures, bar) for bar in job.bars}
    return [
        Result(f"{bar.column}", f"{bar.ours} : {bar.peer}", 0, 0, 0, value if bar.at_least else 1 / value)
        for bar, value in times.items()
    ]


def reset(database_url: str) -> None:
    """The sale is as before its first order."""
    import psycopg

    with psycopg.connect(database_url, autocommit=True) as session:
        session.execute(RESET)
        session.execute("VACUUM ANALYZE orders_salestock")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("driver", type=Path, nargs="?")
    parser.add_argument("job", choices=JOBS, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--reset", metavar="DATABASE", help="only bring the sale back")
    options = parser.parse_args()
    if options.reset:
        reset(options.reset)
        return
    figures, job = compete(options.driver.absolute(), options.job, options.rounds), JOBS[options.job]
    say(machine())
    say(table(figures, job))
    path = options.plot or Path(f"var/peers-{options.job}.svg")
    path.parent.mkdir(exist_ok=True)
    plot(results(figures, job), path, title=f"{options.job}: how many times the peer's figure")
    sys.exit(not all(is_met(ratio(figures, bar), bar) for bar in job.bars))


if __name__ == "__main__":
    main()
