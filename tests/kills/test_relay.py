"""Killed between PostgreSQL and Redis."""

from functools import partial

import pytest

from orders.models import Order
from tests.crowd import KILLED, Crowd
from tests.kills.afterwards import broken, come_to_rest, numbers, relay_the_rest, stream
from tests.kills.stages import Stage, relay

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(Stage("events.relay.ledger:Ledger.number", "after"), id="numbered-not-committed"),
        pytest.param(Stage("events.relay.ledger:Ledger.sequence", "after"), id="numbered"),
        pytest.param(Stage("events.relay.streams:Streams.append", "after"), id="in-redis-not-noted"),
        pytest.param(Stage("events.relay.ledger:Ledger.mark", "after"), id="noted"),
    ],
)
def test_relay_killed__every_event_is_in_the_stream_once(crowd: Crowd, order: Order, stage: Stage) -> None:
    assert crowd.at_once(partial(relay, stage=stage)) == [KILLED]

    come_to_rest()
    relay_the_rest()
    assert stream() == numbers() == list(range(1, len(numbers()) + 1))
    assert len(stream()) >= 3
    assert broken() == {}
