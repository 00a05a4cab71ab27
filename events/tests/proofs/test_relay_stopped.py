"""A leader that is stopped in the middle of a batch, and wakes when another has done its work."""

import os
import signal
import time
from functools import partial
from typing import Any

import orjson
import psutil
import pytest
from django.core.management import call_command

from coupon_site import redis
from events import leadership
from events.frames import stream_key
from events.models import OutboxChannel, OutboxEvent
from events.relay import streams
from events.relay.ledger import Ledger
from events.tests.clients import announce, relay_all
from events.tests.processes import wait_for
from events.tests.proofs.audience import size
from events.tests.proofs.test_relay_killed import numbers
from tests.crowd import Crowd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

# Fifteen seconds on a site; a leader that is silent for so long has lost its place.
SILENCE_SECONDS = size(2, 15)
SLEEPER = "proof:sleeper"


def with_short_silence() -> None:
    defaults = leadership.Leadership.__init__.__kwdefaults__
    assert defaults is not None
    defaults["silence_seconds"] = SILENCE_SECONDS


def without_fence() -> None:
    """Redis takes what it has already, under another number."""
    with_short_silence()
    streams.APPEND = streams.APPEND.replace("seq .. '-0',", "(last + math.floor(i / 5)) .. '-0',")


def lead_and_fall_asleep() -> str:
    """Number a batch, then stop as a paused machine does; afterwards go on as if nothing had been."""
    sequence = Ledger.sequence

    def sequence_and_stop(self: Ledger, channel: str) -> list[object]:
        events = sequence(self, channel)
        Ledger.sequence = sequence  # type: ignore[method-assign]
        redis.client().set(SLEEPER, os.getpid())
        os.kill(os.getpid(), signal.SIGSTOP)
        return list(events)

    Ledger.sequence = sequence_and_stop  # type: ignore[assignment,method-assign]
    call_command("run_relay", once=True)
    return "woke"


def take_over_and_wake() -> str:
    """Lead as soon as PostgreSQL lets us, tell everything, then wake the other."""
    wait_for(lambda: redis.client().get(SLEEPER) is not None)
    sleeper = psutil.Process(int(redis.client().get(SLEEPER) or 0))
    wait_for(lambda: sleeper.status() == psutil.STATUS_STOPPED)
    announce(step=10)
    while OutboxEvent.objects.filter(status__lt=2).exists():
        call_command("run_relay", once=True)
        time.sleep(0.1)
    sleeper.send_signal(signal.SIGCONT)
    return "led"


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "without-fence"])
def test_leader_stopped_with_a_batch_in_hand__repeats_nothing_because_of_the_fence(
    crowd: Crowd, *, guarded: bool
) -> None:
    assert relay_all() == 0  # opens the channel
    epoch = OutboxChannel.objects.get(channel="events:orders").epoch
    for step in range(5):
        announce(step=step)

    unguard = with_short_silence if guarded else without_fence
    answers = crowd.at_once(partial(lead_and_fall_asleep), partial(take_over_and_wake), unguard=unguard)

    assert answers == ["woke", "led"]
    assert numbers() == [1, 2, 3, 4, 5, 6]
    once = [0, 1, 2, 3, 4, 10]
    assert steps_of_the_first_stream(epoch) == (once if guarded else [*once, 0, 1, 2, 3, 4])
    assert (OutboxChannel.objects.get(channel="events:orders").epoch == epoch) is guarded


def steps_of_the_first_stream(epoch: str) -> list[int]:
    """What was told before anybody could repair it."""
    entries: Any = redis.client().xrange(stream_key("events:orders", epoch))
    return [orjson.loads(fields[b"d"])["data"]["step"] for _, fields in entries]
