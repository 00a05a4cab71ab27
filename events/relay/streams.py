"""The relay's side of Redis: streams whose ids are the events' numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from events.frames import REGISTRY, NumberedEvent, milliseconds, opening, stream_key

MAX_LENGTH = 10_000
RETIRED_SECONDS = 3600
TIMEOUT_SECONDS = 1.0

# One call adds a batch and announces it to plain subscribers: an event whose number is already there is announced to
# nobody, so that a relay that was stopped for a while repeats nothing. ARGV: channel, length of the stream, whether it
# must continue exactly, whether to announce; for each event its number, frame without end, id, milliseconds, audience.
APPEND = """
local last = 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = tonumber(string.match(info[i + 1], '^%d+')) end
  end
end
if ARGV[3] == '1' and last < tonumber(ARGV[5]) - 1 then return {'behind', last} end
local answer = {'added'}
for i = 5, #ARGV, 5 do
  local seq, frame = ARGV[i], ARGV[i + 1]
  local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], seq .. '-0',
    'd', frame .. ',"id":' .. seq .. '}', 'e', ARGV[i + 2], 't', ARGV[i + 3], 'a', ARGV[i + 4])
  if type(added) == 'table' and added.err then
    if not string.find(added.err, 'equal or smaller', 1, true) then return added end
    answer[#answer + 1] = seq
  elseif ARGV[4] == '1' then
    redis.call('PUBLISH', ARGV[1], frame .. '}')
  end
end
return answer
"""

# An empty stream whose next number is known: an entry is added and removed at once, seen by nobody.
SEED = """
redis.call('XADD', KEYS[1], ARGV[1] .. '-0', 'd', '')
return redis.call('XDEL', KEYS[1], ARGV[1] .. '-0')
"""


class StreamBehind(Exception):
    """The stream lacks events before these: Redis has lost something."""


@dataclass(frozen=True)
class Stream:
    """A channel in one life."""

    channel: str
    epoch: str

    @property
    def key(self) -> str:
        return stream_key(self.channel, self.epoch)


class Streams:
    """Adds events and looks at what is there. Every method raises redis.RedisError while Redis is away."""

    def __init__(self) -> None:
        self.client = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # a lost connection must be seen: Redis may come back empty
        )
        self.append_script = self.client.register_script(APPEND)
        self.seed_script = self.client.register_script(SEED)

    def register(self, stream: Stream) -> None:
        """Hubs find the stream by its channel."""
        self.client.hset(REGISTRY, stream.channel, stream.epoch)

    def retire(self, stream: Stream) -> None:
        """A life that is over: hubs may still be reading it, and Redis forgets nothing by itself."""
        self.client.expire(stream.key, RETIRED_SECONDS)

    def last_seq(self, stream: Stream) -> int:
        """The highest number that was ever in the stream; 0 when there is none."""
        try:
            info: Any = self.client.xinfo_stream(stream.key)
        except redis.ResponseError:
            if self.client.exists(stream.key):
                raise
            return 0
        return int(info["last-generated-id"].partition(b"-")[0])

    def append(self, stream: Stream, events: Sequence[NumberedEvent]) -> list[int]:
        """Add events after the last, and announce them; the numbers that were there already. Raises StreamBehind."""
        status, *numbers = self.add(stream, events, exactly=True, announce=True)
        if status == b"behind":
            raise StreamBehind(f"{stream.key} ends at {numbers[0]}, {events[0].seq} is next")
        return [int(number) for number in numbers]

    def restore(self, stream: Stream, events: Sequence[NumberedEvent], *, upto: int) -> None:
        """Put back events that were published before, under their numbers; the stream ends at `upto` afterwards."""
        for start in range(0, len(events), 500):
            self.add(stream, events[start : start + 500], exactly=False, announce=False)
        if self.last_seq(stream) < upto:
            self.seed_script(keys=[stream.key], args=[upto])

    def add(self, stream: Stream, events: Sequence[NumberedEvent], *, exactly: bool, announce: bool) -> list[Any]:
        values: list[str | int] = [stream.channel, MAX_LENGTH, int(exactly), int(announce)]
        for event in events:
            frame, audience = opening(stream.channel, event.payload), " ".join(event.audience)
            values += [event.seq, frame, str(event.event_id), milliseconds(event.created_at), audience]
        return cast(list[Any], self.append_script(keys=[stream.key], args=values))

    def event_id(self, stream: Stream, seq: int) -> UUID | None:
        """Which event is there under that number; None when it is not, or no longer."""
        entries = cast(list[Any], self.client.xrange(stream.key, f"{seq}-0", f"{seq}-0"))
        return UUID(entries[0][1][b"e"].decode()) if entries else None

    def first_seq(self, stream: Stream) -> int | None:
        """The lowest number that has not been trimmed."""
        entries = cast(list[Any], self.client.xrange(stream.key, count=1))
        return int(entries[0][0].partition(b"-")[0]) if entries else None
