"""The copy of all flags in Redis. Only writes that follow a commit, and the reconciler, change it; readers never do.

`feature:flags` (hash, "1" or "0") is for any program, `feature:flags:doc` for our own processes.
"""

from dataclasses import dataclass
from functools import lru_cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from flags.document import Document, DocumentBroken

SWITCHES = "feature:flags"
DOCUMENT = "feature:flags:doc"
VERSION = "feature:flags:version"
CHANGED = "feature:flags:changed"  # pub/sub: the new version
TIMEOUT_SECONDS = 0.05
PATIENT_SECONDS = 1.0  # of the reconciler, for whom nobody waits: thousands of flags take their time

# All or nothing, and never backwards, whoever comes late. A key of a foreign type counts as absent and is replaced.
WRITE_IF_NEWER = """
local held = redis.pcall('GET', KEYS[3])
local version = type(held) == 'string' and tonumber(held) or -1
if version >= tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
for i = 3, #ARGV, 1000 do redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV))) end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('SET', KEYS[3], ARGV[1])
redis.call('PUBLISH', '%s', ARGV[1])
return 1
""".replace("%s", CHANGED)


@dataclass(frozen=True)
class Held:
    """What Redis has: `version` None when the keys are gone, `digest` "" when the document is not whole."""

    version: int | None
    digest: str
    switches: dict[str, str]


def version() -> int | None:
    """The version in Redis; None when there is none. Raises RedisError within 50 ms."""
    return number(client().get(VERSION))


def document() -> Document:
    """All flags. Raises RedisError within 50 ms, DocumentBroken."""
    raw = client().get(DOCUMENT)
    if not isinstance(raw, bytes):
        raise DocumentBroken("There is a version in Redis, but no document")
    return Document.decode(raw)


def write(new: Document, *, patience: float | None = None) -> bool:
    """Replace the copy and tell every process, if the copy is older; returns whether it was. Raises RedisError.

    One who has no patience for the answer has given the order all the same.
    """
    switches = [text for pair in new.switches().items() for text in pair]
    written = client(patience).eval(
        WRITE_IF_NEWER, 3, SWITCHES, DOCUMENT, VERSION, new.version, new.encode(), *switches
    )
    return bool(written)


def held() -> Held:
    """What Redis has at one moment, damaged or not. Raises RedisError."""
    with client(PATIENT_SECONDS).pipeline(transaction=True) as pipe:
        pipe.get(VERSION)
        pipe.get(DOCUMENT)
        pipe.hgetall(SWITCHES)
        raw_version, raw_document, raw_switches = pipe.execute(raise_on_error=False)
    switches = raw_switches if isinstance(raw_switches, dict) else {}
    return Held(
        number(raw_version), digest_in(raw_document), {key.decode(): value.decode() for key, value in switches.items()}
    )


def number(raw: object) -> int | None:
    return int(raw) if isinstance(raw, bytes) and raw.isdigit() else None


def digest_in(raw: object) -> str:
    try:
        return Document.decode(raw).digest if isinstance(raw, bytes) else ""
    except DocumentBroken:
        return ""


def client(patience: float | None = None) -> redis.Redis:
    """Flags have a pool of their own: a check must not wait for others, nor for a second try."""
    return _client(settings.REDIS_URL, TIMEOUT_SECONDS if patience is None else patience)


@lru_cache(maxsize=8)
def _client(url: str, patience: float) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_timeout=patience,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),  # redis-py's default of ten retries costs seconds
        # A new connection begins with the question itself: no HELLO, no names of libraries, no notices of maintenance.
        protocol=2,
        driver_info=None,
    )
