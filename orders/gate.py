"""The gate in front of the database: turns a sold-out crowd away for one Redis call instead of a transaction.

It only ever says no. Its tokens are rebuilt from the database every few seconds and run out by themselves when nobody
rebuilds them; a sale it does not know, or a Redis that does not answer at once, lets everybody through to the database.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from orders.metrics import GATE

TIMEOUT_SECONDS: Final = 0.05
SILENCE_SECONDS: Final = 1.0
LIFE_MS: Final = 10_000

# KEYS: the sales of one wish after the other. ARGV: now in milliseconds, then for each wish the number of its sales and
# the wanted quantity of each. Answers for each 0 when it may pass (and has its tokens), else the number of the sale
# among its own that refuses, negative: not open.
ENTER: Final = """
local now = tonumber(ARGV[1])
local answers = {}
local argument, place = 2, 0
while argument <= #ARGV do
  local count = tonumber(ARGV[argument])
  local answer = 0
  local known = {}
  for i = 1, count do
    local key = KEYS[place + i]
    local sale = redis.call('HMGET', key, 'starts', 'ends', 'tokens')
    if sale[3] then
      if now < tonumber(sale[1]) or now >= tonumber(sale[2]) then answer = -i break end
      if tonumber(sale[3]) < tonumber(ARGV[argument + i]) then answer = i break end
      known[#known + 1] = i
    end
  end
  if answer == 0 then
    for _, i in ipairs(known) do redis.call('HINCRBY', KEYS[place + i], 'tokens', -tonumber(ARGV[argument + i])) end
  end
  answers[#answers + 1] = answer
  argument, place = argument + count + 1, place + count
end
return answers
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

    def enter(self, wishes: Sequence[Mapping[UUID, int]], *, at: datetime) -> list[Refusal | None]:
        """Take tokens for units of sales, for each wish all or none; None: it may go on to the database."""
        arguments = [number for wanted in wishes for number in (len(wanted), *wanted.values())]
        answers = self.ask(
            self.enter_script, [sale for wanted in wishes for sale in wanted], [milliseconds(at), *arguments]
        )
        if answers is None:
            GATE.labels("unavailable").inc(len(wishes))
            return [None] * len(wishes)
        refusals = [refusal_of(wanted, answer) for wanted, answer in zip(wishes, answers, strict=True)]
        for said, count in Counter(map(word_of, refusals)).items():
            GATE.labels(said).inc(count)
        return refusals

    def leave(self, wanted: Mapping[UUID, int]) -> None:
        """Give tokens back that led to nothing."""
        if wanted:
            self.ask(self.leave_script, list(wanted), [*wanted.values()])

    def ask(self, script: "redis.commands.core.Script", sales: list[UUID], arguments: list[int]) -> Any:
        """A script's answer; None while Redis does not answer."""
        if time.monotonic() < self.silent_until:
            return None
        try:
            return script(keys=[key_of(sale) for sale in sales], args=arguments)
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


def refusal_of(wanted: Mapping[UUID, int], answer: int) -> Refusal | None:
    """What the script's answer to one wish means."""
    return Refusal(sale=[*wanted][abs(answer) - 1], is_closed=answer < 0) if answer else None


def word_of(refusal: Refusal | None) -> str:
    if refusal is None:
        return "admitted"
    return "sale_closed" if refusal.is_closed else "sold_out"


@cache
def gate() -> Gate:
    """This process' gate."""
    return Gate()


def key_of(sale: UUID) -> str:
    return f"sale:{sale}:gate"


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
