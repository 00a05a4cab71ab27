"""Messages through a worker and events through the relay: `python -m benchmarks.outbox`.

Beside procrastinate, in an environment of its own (`benchmarks/outbox_requirements.txt`), and beside what a queue over
a table begins with: one row claimed, worked off and committed after another. Once more with many messages waiting, half
of them due and behind those that count, half of them not yet due: what a message costs the processor, PostgreSQL's part
included, must stay flat.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.runner import Measure, Result, machine, measure, plot, say, sessions_seconds, table, timed

MESSAGES, EVENTS = "messages", "events"
PLAIN, OURS = "one at a time", "ours"
PEERS = {"procrastinate": 1, "procrastinate, 10 at once": 10}
PLAIN_SHARE = 10  # of the rows, for those that take so much longer
WAITING = (0, 100_000, 1_000_000)
BAR, FLAT = 20.0, 1.2
PAYLOAD = '{"type":"sample","pad":"%s"}' % ("x" * 260)
FILL_MESSAGES = """
INSERT INTO events_outboxmessage (public_id, topic, handler, event, payload, headers, state, due_at, fence, attempts,
    expired_leases, last_error, scheduled_at, created_at, outside)
SELECT uuidv7(), 'benchmark', 'benchmarks.outbox.handle', '', '{"number": 1}', '{}', 'pending', now() + %s::interval,
    0, 0, 0, '', now(), now(), false
FROM generate_series(1, %s)
"""
FILL_EVENTS = """
INSERT INTO events_outboxevent (event_id, channel, event_type, schema_version, aggregate_type, aggregate_id, audience,
    payload, headers, status, attempts, next_attempt_at, last_error, created_at)
SELECT uuidv7(), 'events:orders', 'raw', 1, 'thing', (number %% 100)::text, ARRAY['perm:orders.view_order'],
    %s, '{}', 0, 0, now(), '', now()
FROM generate_series(1, %s) AS number
"""
CLAIM_ONE = """
SELECT public_id, payload FROM events_outboxmessage WHERE topic = 'benchmark' AND state = 'pending' AND due_at <= now()
ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
FINISH_ONE = "UPDATE events_outboxmessage SET state = 'delivered', finished_at = now() WHERE public_id = %s"
TAKE_ONE = """
SELECT id, payload FROM events_outboxevent WHERE status = 0 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
MARK_ONE = "UPDATE events_outboxevent SET status = 2, seq = %s, published_at = now() WHERE id = %s"


class Job(NamedTuple):
    """Rows of a kind, and who brings them to their end while so many others wait."""

    kind: str
    contender: str
    rows: int
    waiting: int = 0


def handle(message: object) -> None:
    """Has nothing to do."""


def messages_ours(count: int) -> None:
    """Until as many are done, whatever else is due."""
    from events.registry import registry
    from events.worker import Worker

    worker, left = Worker(["benchmark"]), iter(range(count, 0, -1))

    def handle_until(message: object) -> None:
        if next(left) == 1:
            worker.stop()

    handler = registry.add_handler(handle_until, topic="benchmark", transactional=True)
    registry.handlers["benchmarks.outbox.handle"] = handler  # as the rows say
    with timed(sessions()):
        worker.run(once=True)


def sessions() -> Callable[[], float]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return partial(sessions_seconds, cursor.fetchone()[0])


def messages_plain(count: int) -> None:
    from django.db import connection, transaction

    with timed(), connection.cursor() as cursor:
        for _ in range(count):
            with transaction.atomic():
                cursor.execute(CLAIM_ONE)
                identity, payload = cursor.fetchone()
                handle(payload)
                cursor.execute(FINISH_ONE, [identity])


def events_ours(count: int) -> None:
    from events.relay import Relay

    with timed(sessions()):
        Relay().run(once=True)


def events_plain(count: int) -> None:
    from django.db import connection, transaction

    from coupon_site.redis import client

    with timed(), connection.cursor() as cursor:
        for number in range(1, count + 1):
            with transaction.atomic():
                cursor.execute(TAKE_ONE)
                identity, payload = cursor.fetchone()
                client().xadd("plain", {"d": payload}, maxlen=10_000, approximate=True)
                cursor.execute(MARK_ONE, [number, identity])


WORK: dict[tuple[str, str], Callable[[int], None]] = {
    (MESSAGES, PLAIN): messages_plain,
    (MESSAGES, OURS): messages_ours,
    (EVENTS, PLAIN): events_plain,
    (EVENTS, OURS): events_ours,
}


def prepare(kind: str, count: int, waiting: int) -> None:
    """Rows to be done first, among those that wait."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_outboxmessage, events_outboxevent, events_outboxchannel CASCADE")
        if kind == EVENTS:
            cursor.execute(FILL_EVENTS, [PAYLOAD, count])
        else:
            cursor.execute(FILL_MESSAGES, ["1 hour", waiting // 2])
            cursor.execute(FILL_MESSAGES, ["-1 minute", waiting // 2])
            cursor.execute(FILL_MESSAGES, ["-1 hour", count])
        cursor.execute("VACUUM ANALYZE events_outboxmessage, events_outboxevent")


class Bench:
    """Contenders in turn over one database that keeps what it is told."""

    def __init__(self, folder: Path, peers: str) -> None:
        from coupon_site.servers import EmbeddedServers

        self.peers = peers
        self.servers = EmbeddedServers(folder)
        self.env = {
            "DJANGO_SETTINGS_MODULE": "coupon_site.settings",
            "DATABASE_URL": self.servers.database_url,
            "REDIS_URL": self.servers.redis_url,
            "VAR_DIR": str(folder),
            "LOCAL": "1",
        }

    def once(self, job: Job) -> Measure:
        for verb in ("prepare", "work"):
            done = measure(self.words(job, verb), self.env)
        say(f"{job.kind}, {job.contender}, {job.waiting:,} waiting: {job.rows / done.seconds:,.0f} a second")
        return done

    def words(self, job: Job, verb: str) -> list[str]:
        if job.contender in PEERS:
            words = [self.peers, "-m", "benchmarks.outbox_peers", self.servers.database_url, verb]
            return [*words, str(job.rows), str(PEERS[job.contender])]
        return [sys.executable, "-m", "benchmarks.outbox", f"--{verb}", *map(str, job)]

    def compete(self, rows: int, rounds: int, waiting: tuple[int, ...]) -> dict[Job, list[Measure]]:
        """All in turn; the first of each kind is what the others are compared with."""
        measure([sys.executable, "manage.py", "migrate", "--verbosity=0"], self.env)
        slow = rows // PLAIN_SHARE
        peers = [Job(MESSAGES, name, slow) for name in PEERS] if self.peers else []
        jobs = [*peers, Job(MESSAGES, PLAIN, slow), *(Job(MESSAGES, OURS, rows, wait) for wait in waiting)]
        jobs += [Job(EVENTS, PLAIN, slow), Job(EVENTS, OURS, rows)]
        taken: dict[Job, list[Measure]] = {job: [] for job in jobs}
        for _ in range(rounds):
            for job, values in taken.items():
                values.append(self.once(job))
        return taken


def compared(taken: dict[Job, list[Measure]]) -> list[Result]:
    """Medians, and ratios to the first of each kind."""
    rates = {job: job.rows / median(each.seconds for each in values) for job, values in taken.items()}
    first: dict[str, float] = {}
    for job, rate in rates.items():
        first.setdefault(job.kind, rate)
    return [
        Result(
            f"{job.kind}, {job.waiting:,} waiting" if job.kind == MESSAGES else job.kind,
            job.contender,
            rate,
            median(each.cpu_seconds for each in taken[job]),
            max(each.peak_mb for each in taken[job]),
            rate / first[job.kind],
        )
        for job, rate in rates.items()
    ]


def costs(taken: dict[Job, list[Measure]]) -> dict[int, float]:
    """Messages that wait → microseconds of the processor for one that is worked off."""
    return {
        job.waiting: median(each.job_cpu_seconds for each in values) / job.rows * 1e6
        for job, values in taken.items()
        if (job.kind, job.contender) == (MESSAGES, OURS)
    }


def verdict(results: list[Result], growth: dict[int, float]) -> str:
    """Markdown, as it goes into a report."""
    least = growth[min(growth)]
    lines = ["| Waiting | CPU µs a message | × smallest |", "|---:|---:|---:|"]
    lines += [f"| {waiting:,} | {cost:.0f} | {cost / least:.2f} |" for waiting, cost in growth.items()]
    for peer in PEERS:
        if times := ratio(results, peer):
            lines.append(f"\nMessages: {times:.1f} times {peer}; the bar is {BAR:g}.")
    return "\n".join(lines)


def ratio(results: list[Result], peer: str) -> float:
    """How often our messages of a peer's; 0 when it was not measured."""
    rates = {(each.job, each.contender): each.per_second for each in results}
    job = f"{MESSAGES}, 0 waiting"
    return rates[job, OURS] / rates[job, peer] if (job, peer) in rates else 0.0


def is_met(results: list[Result], growth: dict[int, float]) -> bool:
    flat = max(growth.values()) <= FLAT * growth[min(growth)]
    return flat and all(not (times := ratio(results, peer)) or times >= BAR for peer in PEERS)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--waiting", type=int, nargs="+", default=WAITING)
    parser.add_argument("--peers", default="var/outbox/bin/python", help="a Python that has the others; empty: none")
    parser.add_argument("--plot", type=Path, default=Path("var/outbox.svg"))
    parser.add_argument(
        "--prepare", nargs=4, metavar=("KIND", "CONTENDER", "ROWS", "WAITING"), help="only write the rows"
    )
    parser.add_argument("--work", nargs=4, metavar=("KIND", "CONTENDER", "ROWS", "WAITING"), help="only do the job")
    options = parser.parse_args()
    if chosen := options.prepare or options.work:
        import django

        django.setup()
        kind, contender, count, waiting = chosen
        prepare(kind, int(count), int(waiting)) if options.prepare else WORK[kind, contender](int(count))
        return
    with TemporaryDirectory(prefix="outbox-") as name:
        Path(name).chmod(0o755)
        bench = Bench(Path(name), options.peers)
        with bench.servers.running():
            taken = bench.compete(options.rows, options.rounds, tuple(options.waiting))
    results, growth = compared(taken), costs(taken)
    say(machine())
    say(table(results))
    say(verdict(results, growth))
    options.plot.parent.mkdir(exist_ok=True)
    plot(results, options.plot, title="Rows of the outbox in the same time")
    sys.exit(not is_met(results, growth))


if __name__ == "__main__":
    main()
