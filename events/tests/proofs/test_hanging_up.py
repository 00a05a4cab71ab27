"""Clients that lose patience in the middle of a request: what it held goes to the others."""

import time
from contextlib import suppress

import httpx
import psycopg
import pytest

from tests.live import wait_for
from tests.live_events import NODES, LiveEvents

pytestmark = [pytest.mark.xdist_group("events"), pytest.mark.slow]

POOL = 3


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "bare"])
def test_request_given_up_by_daphne__gives_its_database_connection_back(site: LiveEvents, *, guarded: bool) -> None:
    """The control: by themselves as many as the pool has take it away for good."""
    application = "coupon_site.asgi" if guarded else "events.tests.proofs.gives_requests_up"
    command = NODES["daphne"].replace("coupon_site.asgi", application) + " --application-close-timeout 1"
    with site.beside("hasty", command, DATABASE_POOL_SIZE=POOL):
        with psycopg.connect(site.servers.database_url) as session:
            session.execute("LOCK TABLE orders_flashsale")
            for _ in range(POOL):
                with suppress(httpx.TimeoutException):
                    ask(site, seconds=1)
            wait_for(lambda: site.log("hasty").count("was killed") >= POOL, "daphne to give them up")
            session.rollback()
        time.sleep(0.5)

        assert ask(site, seconds=30) == (200 if guarded else 503)


def ask(site: LiveEvents, *, seconds: float) -> int:
    signed = {"Authorization": f"Bearer {site.staff_token}"}
    return httpx.get(f"{site.url_of('hasty')}/api/v1/sales/", headers=signed, timeout=seconds).status_code
