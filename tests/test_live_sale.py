"""A crowd on one sale, over HTTP: every unit is sold once, every refusal says why."""

import asyncio
from collections import Counter
from uuid import uuid4

import httpx
import pytest

from tests.live import START_SECONDS, LiveSite, free_ports, ready, wait_for

pytestmark = [pytest.mark.xdist_group("live"), pytest.mark.slow]

STOCK = 1000
ATTEMPTS = 5000
CLIENTS = 32
PAYING = 4  # one client in so many: units are sold while others are reserved, and a thousand vouchers are not the point
GUARD = "reserved >= 0 AND sold >= 0 AND total >= reserved + sold"


@pytest.fixture
def sale(live_site: LiveSite) -> str:
    """A sale of its own, with room for each buyer to take it all."""
    return make_sale(live_site, stock=STOCK)


def make_sale(site: LiveSite, *, stock: int) -> str:
    done = site.manage("setup_demo", "--sale-of", str(stock))
    return done.stdout.split()[-1]


async def rush(site: LiveSite, url: str, sale: str, *, attempts: int) -> Counter[str]:
    """`attempts` orders of one unit by CLIENTS clients at a time; answers by status and code."""
    answers: Counter[str] = Counter()
    left = iter(range(attempts))

    async def shop(number: int) -> None:
        method = "card_declined" if number % PAYING else "card"
        async with httpx.AsyncClient(base_url=url, headers=site.signature(number), timeout=60) as client:
            for _ in left:
                answer = await client.post(
                    "/api/v1/orders/",
                    json={"lines": [{"sale": sale, "quantity": 1}], "payment_method": method},
                    headers={"Idempotency-Key": str(uuid4())},
                )
                body = answer.json()
                answers[f"{answer.status_code} {body.get('code', body.get('state'))}"] += 1

    await asyncio.gather(*(shop(number + 1) for number in range(CLIENTS)))
    return answers


def taken(site: LiveSite, sale: str) -> tuple[int, int]:
    """Units of the sale that orders hold, and units that its stock says are taken."""
    query = """
        SELECT (SELECT coalesce(sum(l.quantity), 0) FROM orders_orderline l WHERE l.sale_id = s.id),
               (SELECT sum(reserved + sold) FROM orders_salestock k WHERE k.sale_id = s.id)
        FROM orders_flashsale s WHERE s.public_id = %s
    """
    [(ordered, stocked)] = site.sql(query, sale)
    return int(ordered), int(stocked)


def test_crowd_on_a_sale__gets_every_unit_once_and_a_reason_otherwise(live_site: LiveSite, sale: str) -> None:
    answers = asyncio.run(rush(live_site, live_site.url, sale, attempts=ATTEMPTS))

    assert answers == {"201 reserved": STOCK, "409 sold_out": ATTEMPTS - STOCK}
    assert taken(live_site, sale) == (STOCK, STOCK)
    live_site.come_to_rest()
    assert live_site.manage("reconcile").returncode == 0


def test_without_the_guard__the_same_crowd_oversells(live_site: LiveSite) -> None:
    """The control: if this fails, the test above proves nothing."""
    stock = 20
    sale = make_sale(live_site, stock=stock)
    [port] = free_ports(1)
    live_site.sql("ALTER TABLE orders_salestock DROP CONSTRAINT orders_salestock_not_oversold")
    try:
        live_site.launch(
            "unguarded", f"env METRICS_PORT=0 daphne -b 127.0.0.1 -p {port} -v 0 tests.unguarded:application"
        )
        wait_for(lambda: ready(port), "the unguarded site", START_SECONDS)
        asyncio.run(rush(live_site, f"http://127.0.0.1:{port}", sale, attempts=10 * stock))

        ordered, _ = taken(live_site, sale)
        assert ordered > stock
    finally:
        live_site.kill("unguarded")
        live_site.processes.pop("unguarded")
        restore_guard(live_site, sale)


def restore_guard(site: LiveSite, sale: str) -> None:
    """Write down what was oversold, so that the other tests of this site find its books in order."""
    site.sql(
        """
        UPDATE orders_salestock AS stock
        SET reserved = held.reserved, sold = held.sold, total = greatest(stock.total, held.reserved + held.sold)
        FROM (
            SELECT stock_id,
                   coalesce(sum(quantity) FILTER (WHERE state = 'held'), 0) AS reserved,
                   coalesce(sum(quantity) FILTER (WHERE state = 'sold'), 0) AS sold
            FROM orders_hold GROUP BY stock_id
        ) AS held
        WHERE held.stock_id = stock.id AND stock.sale_id = (SELECT id FROM orders_flashsale WHERE public_id = %s)
        """,
        sale,
    )
    site.sql("ALTER TABLE orders_salestock ADD CONSTRAINT orders_salestock_not_oversold CHECK (" + GUARD + ")")
