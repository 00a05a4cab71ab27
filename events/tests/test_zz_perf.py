import time, uuid, pytest, os
from django.db import transaction, connection
from django.utils import timezone
from events import publish_many, handles
from events.models import *
from events.relay import Relay
from events.worker import Worker
from events.registry import registry
from events.services import *
from events.tests.samples import Moved, Noted
pytestmark = pytest.mark.django_db(transaction=True)
N=20000
def fill(n, cls=Noted, **kw):
    t=time.perf_counter()
    for i in range(0,n,1000):
        with transaction.atomic():
            publish_many([cls(thing=uuid.uuid4(), **kw) for _ in range(1000)])
    return n/(time.perf_counter()-t)
def cpu(): return time.process_time()
def test_worker(handlers):
    @handles(Noted)
    def nothing(message): pass
    print("\npublish_many msgs/s", fill(N))
    t=time.perf_counter(); c=cpu()
    n=Worker().run(once=True)
    print("worker msgs/s", n/(time.perf_counter()-t), "cpu us", (cpu()-c)/n*1e6, "load", os.getloadavg())
def test_worker_backlog(handlers):
    @handles(Noted)
    def nothing(message): pass
    with connection.cursor() as c:
        c.execute("insert into events_outboxmessage(public_id,topic,handler,event,payload,headers,state,due_at,fence,attempts,expired_leases,last_error,scheduled_at,created_at) select gen_random_uuid(),'events',%s,'','{}','{}','pending',now()-interval '1 hour',0,0,0,'',now(),now() from generate_series(1,1000000)", [list(registry.handlers)[0]])
        c.execute("analyze events_outboxmessage")
    w=Worker()
    for round in range(3):
        t=time.perf_counter(); n=0
        while n<10000: n+=w.turn()
        print("backlog 1M: msgs/s", n/(time.perf_counter()-t))
def test_relay():
    print("\npublish_many events/s", fill(N, Moved, step=1))
    r=Relay()
    t=time.perf_counter(); c=cpu()
    n=r.run(once=True)
    print("relay events/s", n/(time.perf_counter()-t), "cpu us", (cpu()-c)/n*1e6)
def test_publish_one():
    t=time.perf_counter()
    for i in range(500):
        with transaction.atomic(): publish(Moved(thing=uuid.uuid4(), step=1))
    print("\npublish+commit us", (time.perf_counter()-t)/500*1e6)
from events import publish
