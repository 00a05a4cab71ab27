"""The gate in front of the database: turns a sold-out crowd away for one Redis call instead of a transaction.

It only ever says no. Its tokens are rebuilt from the database every few seconds and run out by themselves when nobody
rebuilds them; a sale it does not know, or a Redis that does not answer at once, lets everybody through to the database.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from orders.metrics import GATE

TIMEOUT_SECONDS: Final = 0.05
SILENCE_SECONDS: Final = 1.0
LIFE_MS: Final = 10_000

# KEYS: the sales. ARGV: now in milliseconds, then the wanted quantity of each.
# Answers 0 when all may pass (and have their tokens), else the number of the sale that refuses, negative: not open.
ENTER: Final = """
local now = tonumber(ARGV[1])
local known = {}
for i, key in ipairs(KEYS) do
  local sale = redis.call('HMGET', key, 'starts', 'ends', 'tokens')
  if sale[3] then
    if now < tonumber(sale[1]) or now >= tonumber(sale[2]) then return -i end
    if tonumber(sale[3]) < tonumber(ARGV[i + 1]) then return i end
    known[#known + 1] = i
  end
end
for _, i in ipairs(known) do redis.call('HINCRBY', KEYS[i], 'tokens', -tonumber(ARGV[i + 1])) end
return 0
"""

# KEYS: the sales. ARGV: what each gets back. A sale that is no longer known gets nothing.
LEAVE: Final = """
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then redis.call('HINCRBY', key, 'tokens', tonumber(ARGV[i])) end
end
return 0
"""
FOREVER_MS: Final = 2**52


@dataclass(frozen=True, kw_only=True)
class SaleTokens:
    """A sale as the gate knows it."""

    sale: UUID
    starts_at: datetime
    ends_at: datetime | None
    tokens: int


@dataclass(frozen=True)
class Refusal:
    """The gate's no: which sale, and whether it is closed or sold out."""

    sale: UUID
    is_closed: bool


class Gate:
    """This process' way to the gate; while Redis is away it does not even try, so that no buyer waits for it."""

    def __init__(self) -> None:
        self.silent_until = 0.0
        self.client = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self.enter_script = self.client.register_script(ENTER)
        self.leave_script = self.client.register_script(LEAVE)

    def enter(self, wanted: Mapping[UUID, int], *, at: datetime) -> Refusal | None:
        """Take tokens for units of sales, all or none; None: go on to the database."""
        sales = list(wanted)
        answer = self.ask(self.enter_script, sales, [milliseconds(at), *wanted.values()])
        if answer is None or answer == 0:
            GATE.labels("unavailable" if answer is None else "admitted").inc()
            return None
        refusal = Refusal(sale=sales[abs(answer) - 1], is_closed=answer < 0)
        GATE.labels("sale_closed" if refusal.is_closed else "sold_out").inc()
        return refusal

    def leave(self, wanted: Mapping[UUID, int]) -> None:
        """Give tokens back that led to nothing."""
        self.ask(self.leave_script, list(wanted), [*wanted.values()])

    def ask(self, script: "redis.commands.core.Script", sales: list[UUID], arguments: list[int]) -> int | None:
        """A script's answer; None while Redis does not answer."""
        if time.monotonic() < self.silent_until:
            return None
        try:
            return int(script(keys=[key_of(sale) for sale in sales], args=arguments))
        except (redis.RedisError, OSError):
            self.silent_until = time.monotonic() + SILENCE_SECONDS
            return None

    def rebuild(self, sales: Iterable[SaleTokens]) -> None:
        """Say again what the database knows. Raises RedisError."""
        with self.client.pipeline(transaction=False) as pipe:
            for sale in sales:
                key = key_of(sale.sale)
                ends = FOREVER_MS if sale.ends_at is None else milliseconds(sale.ends_at)
                pipe.hset(
                    key, mapping={"starts": milliseconds(sale.starts_at), "ends": ends, "tokens": max(0, sale.tokens)}
                )
                pipe.pexpire(key, LIFE_MS)
            pipe.execute()


@cache
def gate() -> Gate:
    """This process' gate."""
    return Gate()


def key_of(sale: UUID) -> str:
    return f"sale:{sale}:gate"


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
