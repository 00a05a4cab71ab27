"""Each process killed in turn, in the middle of a shopping day: nothing is lost, nothing happens twice."""

import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis

from tests.live import PORT_NAMES, ROOT, LiveSite, wait_for

pytestmark = pytest.mark.slow

ROUNDS = 4
# Where an order may rest: nothing more happens by itself, or its buyer has yet to pay.
AT_REST = {"fulfilled", "cancelled", "expired", "refunded", "reserved"}


def test_every_process_killed_in_turn__the_books_agree_and_the_stream_has_no_hole() -> None:
    with TemporaryDirectory(prefix="kills-") as name:
        Path(name).chmod(0o755)
        site = LiveSite(Path(name), OUTBOX_LEASE_SECONDS="3", PAYMENT_POLL_SECONDS="3", THROTTLE_USER="100000/min")
        try:
            site.prepare()
            site.start()
            shop_through_kills(site)
            come_to_rest(site)

            done = site.manage("reconcile", check=False)
            assert done.returncode == 0, done.stdout
            stream_is_whole(site, "events:orders")
            stream_is_whole(site, "events:cashback")
        finally:
            site.stop()


def shop_through_kills(site: LiveSite) -> None:
    """Traffic, no more on a slow machine than can be worked off, and a kill as soon as all are up again."""
    command = [sys.executable, "manage.py", "simulate_traffic", "--rate", "3", "--visits", "300"]
    traffic = subprocess.Popen(command, cwd=ROOT, env=site.environment, stdout=subprocess.PIPE)
    try:
        for _ in range(ROUNDS):
            for name in PORT_NAMES:
                site.kill(name)
                time.sleep(0.2)
                site.start(name)
    finally:
        traffic.terminate()
        output, _ = traffic.communicate(timeout=60)
    bought = re.search(rb"Done: (\d+) orders", output)
    assert bought is not None, output
    assert int(bought[1]) > 10 * ROUNDS


def come_to_rest(site: LiveSite) -> None:
    """Everything that was begun is finished, or waits for its buyer."""
    site.come_to_rest()
    wait_for(lambda: states(site) <= AT_REST, f"orders to come to rest: {states(site)}", 60)
    site.come_to_rest()  # of what the last payments led to
    numbered = "SELECT count(*) FROM events_outboxevent WHERE status < 2"
    wait_for(lambda: site.sql(numbered) == [(0,)], "the relay to publish the rest", 30)
    assert site.sql("SELECT count(*) FROM events_outboxmessage WHERE state = 'dead'") == [(0,)]


def states(site: LiveSite) -> set[str]:
    return {state for (state,) in site.sql("SELECT DISTINCT state FROM orders_order")}


def stream_is_whole(site: LiveSite, channel: str) -> None:
    """Ids 1..N once each, in the database and in the stream as far as it reaches back."""
    numbers = [
        seq for (seq,) in site.sql("SELECT seq FROM events_outboxevent WHERE channel = %s ORDER BY seq", channel)
    ]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers, channel
    [(epoch,)] = site.sql("SELECT epoch FROM events_outboxchannel WHERE channel = %s", channel)
    with redis.Redis.from_url(site.servers.redis_url) as client:
        ids = [entry.decode() for entry, _ in client.xrange(f"rt:{{{channel}}}:{epoch}")]
    assert ids == [f"{seq}-0" for seq in numbers][-len(ids) :]
    assert ids
