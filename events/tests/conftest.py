import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from events import streams
from events.hub import Hub, hub_of_loop
from events.models import OutboxMessage, WebhookEndpoint
from events.registry import Registry, registry
from events.relay import Relay
from events.routing import websocket_urlpatterns
from events.services import claim
from events.services.webhooks import create_endpoint
from events.tests.clients import SECONDS, Client
from events.tests.receiver import Receiver, receiving


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The registry, empty for this test."""
    for name in ("handlers", "by_event", "sweeps"):
        monkeypatch.setattr(registry, name, {})
    return registry


@pytest.fixture
def make_message(db: None) -> Callable[..., OutboxMessage]:
    def make(**fields: Any) -> OutboxMessage:
        return OutboxMessage.objects.create(**{"topic": "sample", "handler": "sample.handler", **fields})

    return make


@pytest.fixture
def claim_sample() -> Callable[..., list[OutboxMessage]]:
    def claim_some(**values: Any) -> list[OutboxMessage]:
        return claim(**{"topics": ["sample"], "at": timezone.now(), **values})

    return claim_some


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay()
    yield relay
    relay.leadership.resign()


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    """This test's hub, which has found Redis."""
    monkeypatch.setattr("events.hub.hub.START_SECONDS", SECONDS)
    hub = await hub_of_loop()
    yield hub
    await hub.stop()
    await sync_to_async(connections.close_all)()  # channels' test client keeps them open


@pytest.fixture
async def connect(hub: Hub) -> AsyncIterator[Callable[..., Any]]:
    """Open a socket as a user, by API token; the client, greeted."""
    application = URLRouter(websocket_urlpatterns)
    clients: list[Client] = []

    async def open_socket(user: User, path: str = "/api/v1/realtime/ws", *, greeted: bool = True) -> Client:
        _, text = await database_sync_to_async(issue_token)(user=user, name="test")
        client = Client(application, path, headers=[(b"authorization", f"Bearer {text}".encode())])
        clients.append(client)
        connected, _ = await client.connect()
        assert connected
        if greeted:
            await client.greeting()
        return client

    yield open_socket
    await asyncio.gather(*[client.disconnect() for client in clients], return_exceptions=True)


@pytest.fixture
def offered() -> Iterator[None]:
    """No stream of figures and no report but the test's own."""
    kept = streams.figure_streams.copy(), streams.reports.copy()
    streams.figure_streams.clear()
    streams.reports.clear()
    yield
    for now, before in zip((streams.figure_streams, streams.reports), kept, strict=True):
        now.clear()
        now.update(before)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A server on this machine, where webhooks may go for once."""
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    with receiving() as server:
        yield server


@pytest.fixture
def endpoint(db: None, receiver: Receiver) -> WebhookEndpoint:
    """An endpoint that hears of everything."""
    return create_endpoint(url=receiver.url, topics=["*"])[0]
