import asyncio, json, os, subprocess, sys, time, socket, pytest, websockets
from channels.db import database_sync_to_async
from django.db import connection
from psycopg.conninfo import make_conninfo
from events.tests.processes import ROOT
from events.tests.clients import announce, relay_all
from events import publish_many
from events.tests.samples import Moved
from django.db import transaction
from accounts.services import issue_token
from uuid import uuid4
import httpx
pytestmark = pytest.mark.django_db(transaction=True)

@pytest.fixture
def daphne():
    with socket.create_server(("127.0.0.1", 0)) as probe: port = probe.getsockname()[1]
    db = make_conninfo(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"])
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "coupon_site.settings", "DATABASE_URL": db, "METRICS_TOKEN": "x"}
    p = subprocess.Popen([sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "coupon_site.asgi:application"], cwd=ROOT, env=env)
    for _ in range(300):
        try: httpx.get(f"http://127.0.0.1:{port}/livez", timeout=1); break
        except httpx.HTTPError: time.sleep(.1)
    yield port, p
    p.terminate(); p.wait()

from dataclasses import dataclass
@dataclass(frozen=True, kw_only=True)
class Big(Moved):
    name='sample.big'
    pad: str = 'x'*4000

def many(n, pad=""):
    with transaction.atomic():
        publish_many([Big(thing=uuid4(), step=i) for i in range(n)])
    relay_all()

def rss(p): return int(open(f"/proc/{p.pid}/statm").read().split()[1])*4096/1e6

async def test_it(daphne, superuser):
    port, p = daphne
    _, text = await database_sync_to_async(issue_token)(user=superuser, name="t")
    url = f"ws://127.0.0.1:{port}/api/v1/realtime/ws"
    h = {"Authorization": f"Bearer {text}"}
    async with websockets.connect(url, additional_headers=h) as ws:
        print(await ws.recv(), await ws.recv(), await ws.recv())
        await ws.recv()
        await database_sync_to_async(many)(5)
        for i in range(5): print(await ws.recv())
        await ws.send("x"*9000)
        try:
            while True: await ws.recv()
        except websockets.ConnectionClosed as e: print("closed", e.rcvd, e.sent)
    try:
        async with websockets.connect(url) as ws: pass
    except websockets.InvalidStatus as e: print("refused", e.response.status_code)
    # slow client: raw socket that never reads
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096); s.connect(("127.0.0.1", port))
    s.sendall((f"GET /api/v1/realtime/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer {text}\r\n\r\n").encode())
    await asyncio.sleep(1)
    healthy = [await websockets.connect(url, additional_headers=h, max_queue=100000) for _ in range(20)]
    m0 = rss(p)
    got = [0]*20
    async def read(i):
        async for m in healthy[i]:
            if '"id"' in m and '"data"' in m: got[i] += 1
    tasks = [asyncio.create_task(read(i)) for i in range(20)]
    t=time.time()
    for _ in range(8): await database_sync_to_async(many)(1000)
    for _ in range(100):
        await asyncio.sleep(.2)
        if min(got)==8000: break
    await asyncio.sleep(38); print("8k x 20", time.time()-t, min(got), max(got), "rss", m0, rss(p))
    for x in healthy: await x.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    s.close()
    m = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": "Bearer x"}).text
    print("\n".join([l for l in m.splitlines() if ("realtime_" in l or "websocket" in l) and "bucket" not in l and "#" not in l and "created" not in l]))
