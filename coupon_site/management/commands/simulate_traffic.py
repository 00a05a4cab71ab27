"""A shopping day in fast motion, over the site's own REST API."""

import asyncio
import math
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from coupon_site.demo import SHOPPERS, device_key_of, token_of

DAY_SECONDS = 600.0  # a day of the shop passes in ten minutes
REPORT_SECONDS = 10.0
METHODS = {"card": 84, "card_slow": 6, "card_declined": 6, "card_duplicate": 4}
GIFT_SHARE = 0.08
GIFT_THEMES = ["plain", "birthday", "thanks", "wedding", "christmas"]
CANCELLED_SHARE = 0.05
REDEEMED_SHARE = 0.4
PAYOUT_SHARE = 0.02
PAYOUT_MINOR = 1000
BANK = "GB82 WEST 1234 5698 7654 32"
CATALOGUE_SECONDS = 5.0


class Command(BaseCommand):
    help = "Buy, give, cancel, redeem and cash out over the API, as shoppers do through a day; needs setup_demo's data."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rate", type=float, default=2.0, help="orders per second, on the day's average (default 2)"
        )
        parser.add_argument("--minutes", type=float, default=0.0, help="how long (default: until stopped)")
        parser.add_argument("--visits", type=int, default=0, help="how many shoppers come (default: no end)")
        parser.add_argument("--url", default=settings.SITE_URL, help="the site's address (default %(default)s)")

    def handle(self, *args: Any, **options: Any) -> str:
        if not 0 < options["rate"] <= 1000:
            raise CommandError("--rate is a number of orders per second between 0 and 1000.", returncode=2)
        day = Day(
            options["url"],
            rate=options["rate"],
            seconds=options["minutes"] * 60 or math.inf,
            visits=options["visits"] or math.inf,
            say=self.stdout.write,
        )
        asyncio.run(day.pass_by())
        return f"Done: {day.summary()}."


@dataclass
class Day:
    """Shoppers coming and going."""

    url: str
    rate: float
    seconds: float
    visits: float
    say: Any
    counts: Counter[str] = field(default_factory=Counter)
    sales: list[dict[str, Any]] = field(default_factory=list)
    stopping: bool = False

    async def pass_by(self) -> None:
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, self.stop)
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=20, limits=limits) as client,
            asyncio.TaskGroup() as visits,
        ):
            companions = [asyncio.ensure_future(self.look_around(client)), asyncio.ensure_future(self.report())]
            await self.admit(client, visits)
            for companion in companions:
                companion.cancel()

    def stop(self) -> None:
        self.stopping = True

    async def admit(self, client: httpx.AsyncClient, visits: asyncio.TaskGroup) -> None:
        """Let shoppers in as busily as the hour is."""
        start, admitted = time.monotonic(), 0
        while not self.stopping and admitted < self.visits and (passed := time.monotonic() - start) < self.seconds:
            admitted += 1
            visits.create_task(self.visit(client, random.randint(1, SHOPPERS)))  # noqa: S311  not cryptography
            await asyncio.sleep(random.expovariate(self.rate * busyness(passed)))

    async def look_around(self, client: httpx.AsyncClient) -> None:
        """Keep the list of running sales fresh."""
        while True:
            with suppress(httpx.HTTPError, ValueError):
                answer = await client.get("/api/v1/sales/", params={"page_size": 100})
                self.sales = answer.raise_for_status().json()["results"]
            await asyncio.sleep(CATALOGUE_SECONDS if self.sales else 0.5)

    async def report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            self.say(self.summary())

    async def visit(self, client: httpx.AsyncClient, shopper: int) -> None:
        """One shopper: buys, for themselves or somebody else, and what comes of it."""
        with suppress(httpx.HTTPError, ValueError):
            if not self.sales:
                return
            chance = random.random()  # noqa: S311
            is_gift = chance < GIFT_SHARE
            order = await self.buy(client, shopper, is_gift=is_gift)
            if order is None:
                return
            if is_gift:
                await self.give(client, shopper)
            elif chance < GIFT_SHARE + CANCELLED_SHARE:
                await self.cancel(client, shopper, order)
            elif chance < GIFT_SHARE + CANCELLED_SHARE + REDEEMED_SHARE:
                await asyncio.sleep(random.uniform(2, 6))  # noqa: S311
                await self.redeem(client, shopper)
            elif chance > 1 - PAYOUT_SHARE:
                await self.cash_out(client, shopper)
            return
        self.counts["unanswered"] += 1

    async def buy(self, client: httpx.AsyncClient, shopper: int, *, is_gift: bool) -> dict[str, Any] | None:
        sale = random.choice(self.sales)  # noqa: S311
        method = random.choices(list(METHODS), weights=list(METHODS.values()))[0]  # noqa: S311
        quantity = random.choices([1, 2, 3], weights=[7, 2, 1])[0]  # noqa: S311
        line: dict[str, Any] = {"sale": sale["id"], "quantity": quantity}
        if is_gift:
            line["gift"] = {"mode": "link", "theme": random.choice(GIFT_THEMES), "message": "For you!"}  # noqa: S311
        answer = await client.post(
            "/api/v1/orders/", json={"lines": [line], "payment_method": method}, headers=sign(shopper, **new_key())
        )
        body = answer.json()
        self.counts["orders" if answer.status_code == 201 else str(body.get("code"))] += 1
        return body if answer.status_code == 201 else None

    async def give(self, client: httpx.AsyncClient, shopper: int) -> None:
        """Pass the link of a gift on to another shopper, who opens it."""
        await asyncio.sleep(random.uniform(2, 6))  # noqa: S311
        gifts = await client.get("/api/v1/gifts/", params={"state": "sent"}, headers=sign(shopper))
        for gift in gifts.raise_for_status().json()["results"][:1]:
            passed = await client.post(f"/api/v1/gifts/{gift['id']}/link", headers=sign(shopper))
            receiver = random.randint(1, SHOPPERS)  # noqa: S311
            answer = await client.post(
                "/api/v1/gifts/claims/",
                json={"token": passed.raise_for_status().json()["link"]},
                headers=sign(receiver, **new_key()),
            )
            self.counts["gifts opened"] += answer.status_code == 201

    async def cancel(self, client: httpx.AsyncClient, shopper: int, order: dict[str, Any]) -> None:
        answer = await client.post(f"/api/v1/orders/{order['id']}/cancel", json={}, headers=sign(shopper, **new_key()))
        self.counts["cancelled"] += answer.status_code == 200

    async def redeem(self, client: httpx.AsyncClient, shopper: int) -> None:
        answer = await client.get("/api/v1/vouchers/", params={"state": "active"}, headers=sign(shopper))
        for voucher in answer.raise_for_status().json()["results"][:1]:
            key = device_key_of(voucher["merchant"]["name"])
            answer = await client.post(
                "/api/scan",
                json={"code": voucher["code"], "nonce": str(uuid4())},
                headers={"Authorization": f"Device {key}"},
            )
            self.counts["redeemed"] += answer.status_code == 200

    async def cash_out(self, client: httpx.AsyncClient, shopper: int) -> None:
        """Ask for what is in the wallet; somebody of finance has to approve it."""
        wallet = await client.get("/api/v1/wallet/", headers=sign(shopper))
        for balance in wallet.raise_for_status().json()["balances"]:
            if balance["available_minor"] >= PAYOUT_MINOR:
                answer = await client.post(
                    "/api/v1/payouts/",
                    json={
                        "amount_minor": balance["available_minor"],
                        "currency": balance["currency"],
                        "destination": BANK,
                    },
                    headers=sign(shopper, **new_key()),
                )
                self.counts["payouts"] += answer.status_code == 201

    def summary(self) -> str:
        """`120 orders, 80 redeemed, 3 sold_out`."""
        first = ["orders", "cancelled", "gifts opened", "redeemed", "payouts"]
        names = first + sorted(name for name in self.counts if name not in first)
        return ", ".join(f"{self.counts[name]} {name}" for name in names)


def busyness(passed: float) -> float:
    """How busy the shop is, 1 on average: quiet at night, a peak in the evening."""
    return 1 - 0.8 * math.cos(2 * math.pi * passed / DAY_SECONDS) if passed > DAY_SECONDS / 20 else 1


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def sign(shopper: int, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(shopper)}", **headers}
