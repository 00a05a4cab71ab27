"""The one that leads numbers and publishes; the others stand by."""

import logging
import random
import time

import redis
from django.conf import settings

from events import metrics
from events.control import announce_epoch
from events.frames import NumberedEvent
from events.leadership import Leadership
from events.relay.ledger import LOST, PLANS, Ledger
from events.relay.streams import MAX_LENGTH, Stream, StreamBehind, Streams
from events.wake import Doorman

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
STANDBY_SECONDS = 0.5
VERIFY_SECONDS = 1.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0


class Relay:
    """Moves events from the outbox to Redis until it is told to stop; servers being away only make it wait."""

    def __init__(self) -> None:
        self.channels = list(settings.REALTIME_CHANNELS)
        metrics.start_relay_at_zero()
        self.leadership = Leadership("relay", options=PLANS)
        self.ledger = Ledger(self.leadership)
        self.streams = Streams()
        self.doorman = Doorman()
        self.streams_of: dict[str, Stream] = {}
        self.verified_at = 0.0
        self.stopping = False
        self.done = 0
        self.pause_seconds = FIRST_PAUSE_SECONDS

    def stop(self, *signal: object) -> None:
        """Finish the batch at hand and end; fit to be a signal handler."""
        self.stopping = True

    def run(self, *, once: bool = False) -> int:
        """Work until stopped, or with `once` until nothing waits; how many events were published."""
        while not self.stopping:
            try:
                leads = self.leadership.leads or self.leadership.hold()
                moved = self.turn() if leads else 0
            except (redis.RedisError, OSError, *LOST) as error:
                self.recover(error)
                continue
            self.pause_seconds = FIRST_PAUSE_SECONDS
            if moved:
                continue
            if once:
                break
            self.doorman.wait(POLL_SECONDS if leads else STANDBY_SECONDS)
        self.leadership.resign()
        self.doorman.close()
        metrics.relay_leader.set(0)
        return self.done

    def turn(self) -> int:
        """Repair what needs it and publish one batch of each channel; how many events."""
        metrics.relay_leader.set(1)
        if not self.streams_of:
            self.ledger.open_channels(self.channels)
        if not self.streams_of or time.monotonic() - self.verified_at > VERIFY_SECONDS:
            self.reconcile_all()
        return sum([self.relay_batch(channel) for channel in self.ledger.waiting(self.channels)])

    def relay_batch(self, channel: str) -> int:
        """Number and publish the next events of a channel; how many."""
        events = self.ledger.sequence(channel)
        if events:
            metrics.batch_size.labels("relay").observe(len(events))
            self.publish(events)
        return len(events)

    def publish(self, events: list[NumberedEvent]) -> None:
        """Add numbered events of one channel to its stream, and note it; what Redis has lost is put back first."""
        channel = events[0].channel
        try:
            refused = self.streams.append(self.streams_of[channel], events)
        except StreamBehind as error:
            logger.warning("%s", error)
            self.reconcile(channel)  # publishes these too: they are numbered and not marked
            return
        if not self.are_ours(self.streams_of[channel], events, refused):
            self.begin_epoch(channel)
            self.reconcile(channel)
            return
        self.ledger.mark(events)
        self.done += len(events)

    def are_ours(self, stream: Stream, events: list[NumberedEvent], refused: list[int]) -> bool:
        """Whether taken numbers are taken by these very events: an earlier try had got as far as Redis."""
        ids = {event.seq: event.event_id for event in events}
        first = self.streams.first_seq(stream) if refused else None
        for seq in refused:
            found = self.streams.event_id(stream, seq)
            trimmed = found is None and first is not None and seq < first
            if found != ids[seq] and not trimmed:
                return False
        return True

    def reconcile_all(self) -> None:
        """Compare every stream with the database, and repair what differs."""
        for channel in self.channels:
            self.reconcile(channel)
        self.verified_at = time.monotonic()

    def reconcile(self, channel: str) -> None:
        """Bring a stream to where the database says it is: lost events are put back, foreign ones end its life."""
        standing = self.ledger.standing(channel)
        stream = self.streams_of[channel] = Stream(channel, standing["epoch"])
        last = self.streams.last_seq(stream)
        if last > standing["last_seq"] or self.is_foreign(stream, last):
            logger.warning("%s holds events that the database does not know", stream.key)
            stream, last = self.begin_epoch(channel), 0
        self.streams.register(stream)
        if last < standing["published_seq"]:
            self.restore(stream, after=last, upto=standing["published_seq"])
        if leftovers := self.ledger.leftovers(channel):
            metrics.resyncs.labels("leftovers").inc()
            self.publish(leftovers)

    def is_foreign(self, stream: Stream, last: int) -> bool:
        """Whether the stream's last event is another than the database's of that number."""
        known, found = self.ledger.event_id(stream.channel, last), self.streams.event_id(stream, last)
        return known is not None and found is not None and known != found

    def restore(self, stream: Stream, *, after: int, upto: int) -> None:
        """Put back what Redis has lost, under the same numbers, so that clients' cursors stay valid."""
        events = self.ledger.tail(stream.channel, after=after, upto=upto, limit=MAX_LENGTH)
        logger.warning("%s is put back: %s events up to %s", stream.key, len(events), upto)
        self.streams.restore(stream, events, upto=upto)
        metrics.resyncs.labels("tail").inc()

    def begin_epoch(self, channel: str) -> Stream:
        """Begin another life of a channel's stream, and tell the hubs."""
        before = self.streams_of.get(channel)
        stream = self.streams_of[channel] = Stream(channel, self.ledger.renew_epoch(channel))
        self.streams.register(stream)
        if before is not None:
            self.streams.retire(before)
        announce_epoch(channel=channel, epoch=stream.epoch)
        metrics.resyncs.labels("epoch").inc()
        return stream

    def recover(self, error: Exception) -> None:
        """A server is away: forget what was known of it and wait, longer each time."""
        logger.warning("the relay waits: %s", error)
        self.streams_of.clear()
        if isinstance(error, LOST):
            self.leadership.resign()
            metrics.relay_leader.set(0)
        time.sleep(random.uniform(0, self.pause_seconds))  # noqa: S311  jitter
        self.pause_seconds = min(2 * self.pause_seconds, LONGEST_PAUSE_SECONDS)
