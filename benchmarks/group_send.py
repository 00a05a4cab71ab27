"""Fan-out as the documentation of Channels shows it: a group, and a consumer that sends what it is handed. ASGI."""

import json
import os
from typing import Any

import django
from django.conf import settings

GROUP = "events"
LAYER = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [os.environ["REDIS_URL"]], "capacity": 10_000},
    }
}

if not settings.configured:
    settings.configure(SECRET_KEY="of a benchmark", INSTALLED_APPS=["channels"], CHANNEL_LAYERS=LAYER)  # noqa: S106
    django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402  needs settings
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402


class EventConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()
        await self.send(text_data=json.dumps({"type": "subscribed", "channel": GROUP, "epoch": "", "id": 0}))

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def event(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps({"channel": GROUP, "data": event["data"], "id": event["id"]}))


async def say_ready(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ready"})


addresses: list[Any] = [re_path("", EventConsumer.as_asgi())]  # type: ignore[arg-type]  # the stubs know views only
application = ProtocolTypeRouter({"http": say_ready, "websocket": URLRouter(addresses)})
