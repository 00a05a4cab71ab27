"""Whoever publishes for whom: nobody ever sees a foreign event on either server, and nobody misses one."""

import asyncio
import random

import httpx
import pytest
from django.conf import settings

from benchmarks.listeners import CHANNEL, Listener, open_socket, open_stream, until
from events.tests.proofs.audience import Audience, size
from tests.live_events import NODES, STAFF, LiveEvents

pytestmark = [pytest.mark.xdist_group("events"), pytest.mark.slow]

COUNT = size(400, 10_000)
REVIEW_SECONDS = settings.REALTIME_RECHECK_SECONDS
SESSION = """
from django.test import Client
from accounts.models import User
browser = Client()
browser.force_login(User.objects.get(email="person0@example.com"))
print("session=" + browser.cookies["session"].value)
"""
GIVE = """
from accounts.models import User
from accounts.services import issue_token
user = User.objects.get(email="person1@example.com")
print(issue_token(user=user, name="short-lived")[1])
"""
TAKE_BACK = """
from accounts.models import ApiToken
from accounts.services import revoke_token
for token in ApiToken.objects.filter(name="short-lived", revoked_at=None):
    revoke_token(token=token)
"""


@pytest.mark.parametrize("seed", range(size(2, 20)))
async def test_random_audiences__reach_exactly_those_they_name(site: LiveEvents, audience: Audience, seed: int) -> None:
    chance = random.Random(seed)
    people = {f"user:{public_id}": token for public_id, token in site.customers}
    audiences = [chance.sample(sorted(people), chance.randrange(len(people) + 1)) for _ in range(COUNT)]
    listeners: dict[str, list[Listener]] = {}
    for key, token in {STAFF: site.staff_token, **people}.items():
        listeners[key] = [
            listener
            for node in NODES
            for listener in [
                *await audience.sockets(node, 1, token=token),
                *await audience.streams(node, 1, token=token),
            ]
        ]
    last = site.standing()[1]

    await asyncio.to_thread(site.tell, COUNT, audiences=[" ".join([STAFF, *keys]) for keys in audiences])
    await asyncio.to_thread(site.tell, 1, audiences=[" ".join([STAFF, *people])])
    everyone = [listener for each in listeners.values() for listener in each]
    await until(lambda: all(each.ids and each.ids[-1] == last + COUNT + 1 for each in everyone), 60)

    for key, own in listeners.items():
        meant = [last + number for number, keys in enumerate(audiences, 1) if key == STAFF or key in keys]
        assert all(each.ids.tolist() == [*meant, last + COUNT + 1] for each in own), f"seed {seed}"


async def test_node_without_rights__is_found_out(site: LiveEvents, audience: Audience) -> None:
    """The control: a foreign event that reaches a customer is seen by the test above."""
    careless = NODES["uvicorn"].replace("coupon_site.asgi", "events.tests.proofs.tells_everybody")
    with site.beside("careless", careless):
        [foreign] = await audience.sockets("careless", 1, token=site.customers[0][1])
        last = site.standing()[1]

        await asyncio.to_thread(site.tell, 1, audiences=[f"{STAFF} user:{site.customers[1][0]}"])

        await until(lambda: foreign.ids.tolist() == [last + 1], 60)


async def test_token_taken_back__ends_its_sockets_and_streams_at_once(
    site: LiveEvents, audience: Audience, node: str
) -> None:
    token = await asyncio.to_thread(said, site, GIVE)
    [socket] = await audience.sockets(node, 1, token=token)
    [stream] = await audience.streams(node, 1, token=token)

    await asyncio.to_thread(said, site, TAKE_BACK)

    # Long before anybody looks at rights by the clock.
    assert await asyncio.wait_for(asyncio.shield(socket.closed), REVIEW_SECONDS / 3) == 4401
    assert (await stream.notice("closed", REVIEW_SECONDS / 3))["code"] == 4401
    [refused] = await audience.add(1, lambda: open_socket(site.ports[node], token))
    assert refused.status in {401, 403}


def said(site: LiveEvents, code: str) -> str:
    """The last line of what some code says."""
    lines = site.manage("shell", "-c", code).stdout.strip().splitlines()
    return lines[-1] if lines else ""


async def test_session__is_taken_from_pages_of_this_site_alone(site: LiveEvents, audience: Audience, node: str) -> None:
    port, cookie = site.ports[node], await asyncio.to_thread(said, site, SESSION)
    host = f"127.0.0.1:{port}"
    origins = {
        f"http://{host}": 101,
        "": 403,
        "null": 403,
        "http://127.0.0.1": 403,
        "https://evil.example": 403,
        f"http://127.0.0.1.evil.example:{port}": 403,
        f"http://evil.example:{port}": 403,
    }

    statuses = {}
    for origin in origins:
        headers = {"Host": host, "Cookie": cookie, **({"Origin": origin} if origin else {})}
        [listener] = await audience.add(1, lambda own=headers: open_socket(port, "", headers=own))
        statuses[origin] = listener.status

    assert statuses == origins


async def test_channel_of_others__is_refused_to_a_customer(site: LiveEvents, audience: Audience, node: str) -> None:
    _, token = site.customers[0]
    [stream] = await audience.add(1, lambda: open_stream(site.ports[node], token, channels="events:flags"))
    [socket] = await audience.add(1, lambda: open_socket(site.ports[node], token, channels=f"events:flags,{CHANNEL}"))

    error = await socket.notice("error")

    assert stream.status == 403
    assert (error["code"], [each["channel"] for each in socket.told("subscribed")]) == ("forbidden", [CHANNEL])


# --- Tickets ---------------------------------------------------------------------------------------------------------
def ticket(site: LiveEvents, node: str) -> dict[str, str]:
    """The header that opens one socket."""
    signed = {"Authorization": f"Bearer {site.staff_token}"}
    answer = httpx.post(f"{site.url_of(node)}/api/v1/realtime/ticket", headers=signed, timeout=30)
    assert answer.status_code == 201, answer.text
    return {"Sec-WebSocket-Protocol": ", ".join(answer.json()["protocols"])}


async def test_ticket__opens_one_socket_on_any_node_and_no_second(
    site: LiveEvents, audience: Audience, node: str
) -> None:
    elsewhere = next(name for name in NODES if name != node)
    header = await asyncio.to_thread(ticket, site, elsewhere)

    [first] = await audience.add(1, lambda: open_socket(site.ports[node], "", headers=header))
    await first.notice("subscribed")
    [second] = await audience.add(1, lambda: open_socket(site.ports[node], "", headers=header))

    assert await asyncio.wait_for(asyncio.shield(second.closed), 60) == 4401
    assert second.notices == []
    assert not first.closed.done()


async def test_ticket_that_is_too_old__opens_nothing(site: LiveEvents, audience: Audience, node: str) -> None:
    header = await asyncio.to_thread(ticket, site, node)
    with site.redis() as client:
        for key in client.scan_iter("rt:ticket:*"):
            assert 0 < client.pttl(key) <= 60_000
            client.pexpire(key, 1)
    await asyncio.sleep(0.05)

    [listener] = await audience.add(1, lambda: open_socket(site.ports[node], "", headers=header))

    assert await asyncio.wait_for(asyncio.shield(listener.closed), 60) == 4401
    assert listener.notices == []
