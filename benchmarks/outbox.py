"""Messages through a worker and events through the relay, beside one at a time: `python -m benchmarks.outbox`.

The plain versions are what a queue over a table begins with: one row claimed, worked off and committed after another.
Once more with many messages waiting that are not due yet.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.runner import Measure, Result, machine, measure, plot, say, table, timed

MESSAGES, EVENTS = "messages", "events"
PLAIN, OURS = "one at a time", "ours"
PLAIN_SHARE = 10  # of the rows, for those that take so much longer
WAITING = (0, 100_000, 1_000_000)
PAYLOAD = '{"type":"sample","pad":"%s"}' % ("x" * 260)
FILL_MESSAGES = """
INSERT INTO events_outboxmessage (public_id, topic, handler, event, payload, headers, state, due_at, fence, attempts,
    expired_leases, last_error, scheduled_at, created_at, outside)
SELECT gen_random_uuid(), 'benchmark', 'benchmarks.outbox.handle', '', '{"number": 1}', '{}', 'pending', now() + %s, 0,
    0, 0, '', now(), now(), false
FROM generate_series(1, %s)
"""
FILL_EVENTS = """
INSERT INTO events_outboxevent (event_id, channel, event_type, schema_version, aggregate_type, aggregate_id, audience,
    payload, headers, status, attempts, next_attempt_at, last_error, created_at)
SELECT gen_random_uuid(), 'events:orders', 'raw', 1, 'thing', (number %% 100)::text, ARRAY['perm:orders.view_order'],
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


def handle(message: object) -> None:
    """Has nothing to do."""


def messages_ours() -> None:
    from django.core.management import call_command

    from events.registry import registry

    handler = registry.add_handler(handle, topic="benchmark", transactional=True)
    registry.handlers["benchmarks.outbox.handle"] = handler  # as the rows say, whatever this module is called here
    with timed():
        call_command("run_worker", once=True, topics=["benchmark"])


def messages_plain() -> None:
    from django.db import connection, transaction

    with timed(), connection.cursor() as cursor:
        while True:
            with transaction.atomic():
                cursor.execute(CLAIM_ONE)
                row = cursor.fetchone()
                if row is None:
                    return
                handle(row[1])
                cursor.execute(FINISH_ONE, [row[0]])


def events_ours() -> None:
    from events.relay import Relay

    with timed():
        Relay().run(once=True)


def events_plain() -> None:
    from django.db import connection, transaction

    from coupon_site.redis import client

    number = 0
    with timed(), connection.cursor() as cursor:
        while True:
            with transaction.atomic():
                cursor.execute(TAKE_ONE)
                row = cursor.fetchone()
                if row is None:
                    return
                number += 1
                client().xadd("plain", {"d": row[1]}, maxlen=10_000, approximate=True)
                cursor.execute(MARK_ONE, [number, row[0]])


WORK: dict[tuple[str, str], Callable[[], None]] = {
    (MESSAGES, PLAIN): messages_plain,
    (MESSAGES, OURS): messages_ours,
    (EVENTS, PLAIN): events_plain,
    (EVENTS, OURS): events_ours,
}


def work(job: str, contender: str) -> None:
    """What a measured process does."""
    import django

    django.setup()
    WORK[job, contender]()


def prepare(job: str, count: int, waiting: int) -> None:
    """Rows that are due, among those that are not."""
    import django

    django.setup()
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_outboxmessage, events_outboxevent, events_outboxchannel CASCADE")
        if job == EVENTS:
            cursor.execute(FILL_EVENTS, [PAYLOAD, count])
        else:
            cursor.execute(FILL_MESSAGES, ["1 hour", waiting])
            cursor.execute(FILL_MESSAGES, ["0 s", count])
        cursor.execute("ANALYZE events_outboxmessage, events_outboxevent")


class Bench:
    """Contenders in turn over one database that keeps what it is told."""

    def __init__(self, folder: Path) -> None:
        from coupon_site.servers import EmbeddedServers

        self.servers = EmbeddedServers(folder)
        self.env = {
            "DJANGO_SETTINGS_MODULE": "coupon_site.settings",
            "DATABASE_URL": self.servers.database_url,
            "REDIS_URL": self.servers.redis_url,
            "VAR_DIR": str(folder),
            "LOCAL": "1",
        }

    def once(self, job: str, contender: str, count: int, waiting: int = 0) -> Measure:
        words = [sys.executable, "-m", "benchmarks.outbox"]
        measure([*words, "--prepare", job, str(count), str(waiting)], self.env)
        done = measure([*words, "--work", job, contender], self.env)
        say(f"{job}, {contender}, {waiting:,} waiting: {count / done.seconds:,.0f} a second")
        return done

    def compete(self, rows: int, rounds: int, waiting: tuple[int, ...]) -> list[Result]:
        measure([sys.executable, "manage.py", "migrate", "--verbosity=0"], self.env)
        jobs = [(MESSAGES, PLAIN, rows // PLAIN_SHARE, 0), *((MESSAGES, OURS, rows, wait) for wait in waiting)]
        jobs += [(EVENTS, PLAIN, rows // PLAIN_SHARE, 0), (EVENTS, OURS, rows, 0)]
        taken: dict[tuple[str, str, int, int], list[Measure]] = {job: [] for job in jobs}
        for _ in range(rounds):
            for job, values in taken.items():
                values.append(self.once(*job))
        return compared(taken)


def compared(taken: dict[tuple[str, str, int, int], list[Measure]]) -> list[Result]:
    """Medians, and ratios to the plain version of each job."""
    rates = {job: job[2] / median(each.seconds for each in values) for job, values in taken.items()}
    plain = {job: rate for (job, contender, _, _), rate in rates.items() if contender == PLAIN}
    return [
        Result(
            f"{job}, {waiting:,} waiting" if job == MESSAGES else job,
            contender,
            rate,
            median(each.cpu_seconds for each in taken[job, contender, count, waiting]),
            max(each.peak_mb for each in taken[job, contender, count, waiting]),
            rate / plain[job],
        )
        for (job, contender, count, waiting), rate in rates.items()
    ]


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--waiting", type=int, nargs="+", default=WAITING)
    parser.add_argument("--plot", type=Path, default=Path("var/outbox.svg"))
    parser.add_argument("--prepare", nargs=3, metavar=("JOB", "ROWS", "WAITING"), help="only write the rows")
    parser.add_argument("--work", nargs=2, metavar=("JOB", "CONTENDER"), help="only do what is measured")
    options = parser.parse_args()
    if options.prepare:
        job, count, waiting = options.prepare
        prepare(job, int(count), int(waiting))
    elif options.work:
        work(*options.work)
    else:
        with TemporaryDirectory(prefix="outbox-") as name:
            Path(name).chmod(0o755)
            bench = Bench(Path(name))
            with bench.servers.running():
                results = bench.compete(options.rows, options.rounds, tuple(options.waiting))
        say(machine())
        say(table(results))
        options.plot.parent.mkdir(exist_ok=True)
        plot(results, options.plot, title="Rows of the outbox in the same time")


if __name__ == "__main__":
    main()
