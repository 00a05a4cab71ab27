import uuid

import pytest

from coupon_site import redis
from events import publish
from events.models import *
from events.relay import Relay
from events.tests.conftest import announce
from events.tests.samples import Moved

pytestmark = pytest.mark.django_db(transaction=True)


def test_it(handlers=None):
    for i in range(5):
        announce(step=i)
    relay = Relay()
    assert relay.run(once=True) == 5
    c = OutboxChannel.objects.get(channel="events:orders")
    print(c.epoch, c.last_seq, c.published_seq)
    r = redis.client()
    print(r.xrange(f"rt:{{events:orders}}:{c.epoch}"))
    print(r.hgetall("rt:channels"))
    r.flushall()
    relay = Relay()
    assert relay.run(once=True) == 0
    print(len(r.xrange(f"rt:{{events:orders}}:{c.epoch}")))


def test_refused():
    with pytest.raises(RuntimeError):
        publish(Moved(thing=uuid.uuid4(), step=1))
