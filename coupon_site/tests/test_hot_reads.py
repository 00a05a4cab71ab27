"""The door for what many ask for: Django answers once, everybody gets it, and nobody gets another's."""

import asyncio
from collections.abc import Hashable
from typing import Any

import pytest

from coupon_site.api.doors import Headers, Message, Receive, Scope, Send
from coupon_site.api.hot import Asked, HotDoor
from coupon_site.tests.asgi import Reply, call

PATH = "/figures"


class Figures:
    """Everybody who names no friend gets the same."""

    method, route, seconds = "GET", "/figures", 60.0

    def __init__(self) -> None:
        self.made_from: object = 1
        self.left = 99

    def takes(self, path: str) -> bool:
        return path == PATH

    async def understand(self, scope: Scope, headers: Headers, body: bytes) -> Asked | None:
        return None if b"closer" in headers else Asked(headers.get(b"friend"), "caller")

    def mark(self) -> object:
        return self.made_from

    def admits(self, caller: Hashable) -> bool:
        self.left -= 1
        return self.left >= 0


class Django:
    """Says how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.status = 200
        self.more: list[tuple[bytes, bytes]] = []
        self.was_asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_answer.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        self.was_asked.set()
        body = b"%d" % self.asked
        await self.may_answer.wait()
        headers = [
            (b"Content-Type", b"application/json"), (b"Content-Length", b"1"), (b"ETag", b'"%s"' % body),
            (b"X-Request-ID", b"django-%s" % body), *self.more,
        ]  # fmt: skip
        start: Message = {"type": "http.response.start", "status": self.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})


class Site:
    """The door, what stands behind it, and what was counted."""

    def __init__(self) -> None:
        self.django, self.figures, self.counted = Django(), Figures(), list[Any]()
        self.door = HotDoor(self.django, reads=[self.figures], observe=lambda *told: self.counted.append(told))

    async def get(self, path: str = PATH, **headers: str) -> Reply:
        return await call(self.door, "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.fixture
async def site() -> Site:
    return Site()


async def test_second_request__gets_the_same_answer_without_django(site: Site) -> None:
    first, second = await site.get(), await site.get(x_request_id="from-the-shop-1")

    assert (first.body, second.body, site.django.asked) == (b"1", b"1", 1)
    assert first.headers.keys() == second.headers.keys()
    assert (first.headers["x-request-id"], second.headers["x-request-id"]) == ("django-1", "from-the-shop-1")
    [(method, route, status, seconds, request_id)] = site.counted  # the first one is Django's to count
    assert (method, route, status, request_id) == ("GET", "/figures", 200, "from-the-shop-1")
    assert seconds > 0


async def test_crowd__waits_for_one_answer(site: Site) -> None:
    site.django.may_answer.clear()
    crowd = asyncio.gather(*(site.get() for _ in range(20)))
    await site.django.was_asked.wait()
    site.django.may_answer.set()

    assert {reply.body for reply in await crowd} == {b"1"}
    assert site.django.asked == 1


async def test_another_key__is_another_answer(site: Site) -> None:
    assert [(await site.get(friend=name)).body for name in ("ann", "bob", "ann")] == [b"1", b"2", b"1"]


async def test_what_it_was_made_from_changes__django_is_asked_again(site: Site) -> None:
    await site.get()
    site.figures.made_from = 2

    assert [(await site.get()).body for _ in range(2)] == [b"2", b"2"]


async def test_what_it_is_made_from_changes_meanwhile__is_not_kept(site: Site) -> None:
    site.django.may_answer.clear()
    asking = asyncio.ensure_future(site.get())
    await site.django.was_asked.wait()
    site.figures.made_from = 2
    site.django.may_answer.set()

    assert (await asking).body == b"1"
    assert (await site.get()).body == b"2"


async def test_answer_that_has_grown_old__is_asked_for_again(site: Site) -> None:
    site.figures.seconds = 0.0

    assert [(await site.get()).body for _ in range(2)] == [b"1", b"2"]


@pytest.mark.parametrize("headers", [{"cookie": "session=1"}, {"origin": "https://x.example"}, {"accept": "text/html"}])
async def test_unusual_request__is_djangos_alone(site: Site, headers: dict[str, str]) -> None:
    await site.get()

    assert (await site.get(**headers)).body == b"2"
    assert (await site.get()).body == b"1"


@pytest.mark.parametrize(("path", "headers"), [(f"{PATH}?page=2", {}), (PATH, {"closer": "1"}), ("/other", {})])
async def test_whatever_takes_a_closer_look__is_not_kept(site: Site, path: str, headers: dict[str, str]) -> None:
    assert [(await site.get(path, **headers)).body for _ in range(2)] == [b"1", b"2"]


@pytest.mark.parametrize("status", [304, 401, 404, 429, 500])
async def test_refusal__reaches_who_asked_and_nobody_else(site: Site, status: int) -> None:
    site.django.status = status

    assert [((reply := await site.get()).status, reply.body) for _ in range(2)] == [(status, b"1"), (status, b"2")]


async def test_answer_that_sets_a_cookie__is_for_one(site: Site) -> None:
    site.django.more = [(b"Set-Cookie", b"session=1")]

    assert [(await site.get()).body for _ in range(2)] == [b"1", b"2"]


@pytest.mark.parametrize("held", ['"1"', 'W/"1"', '"0", "1"', "*"])
async def test_client_that_holds_it__is_told_so(site: Site, held: str) -> None:
    for _ in range(2):  # the first time too: the whole is kept for the others
        reply = await site.get(if_none_match=held)
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", '"1"')
        assert "content-type" not in reply.headers

    assert ((reply := await site.get()).status, reply.body) == (200, b"1")
    assert ((reply := await site.get(if_none_match='"0"')).status, reply.body) == (200, b"1")


async def test_caller_who_asks_too_often__is_djangos_to_refuse(site: Site) -> None:
    site.figures.left = 2

    assert [(await site.get()).body for _ in range(5)] == [b"1", b"1", b"1", b"2", b"3"]


async def test_django_that_fails__leaves_nobody_waiting(site: Site) -> None:
    site.django.may_answer.clear()
    leader = asyncio.ensure_future(site.get())
    await site.django.was_asked.wait()
    follower = asyncio.ensure_future(site.get())
    await asyncio.sleep(0)
    leader.cancel()
    site.django.may_answer.set()

    assert (await follower).body == b"2"


async def test_keys_without_end__are_forgotten(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coupon_site.api.hot.KEPT_PAGES", 2)

    for name in ("ann", "bob", "cid"):
        await site.get(friend=name)

    assert len(site.door.pages) == 2
    assert (await site.get(friend="ann")).body == b"4"
