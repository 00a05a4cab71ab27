"""An ASGI application that says what it knows of its server, and writes beneath it: for tests of real servers."""

import asyncio
import json
from typing import Any

import django

django.setup()

from events.hub.frame import message_of  # noqa: E402  its package knows models
from events.hub.wire import Wire, bare, wire_of  # noqa: E402  the same


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    wire = wire_of(bare(send))
    await send({"type": "websocket.send", "text": json.dumps({"wire": type(wire).__name__})})
    while (message := await receive())["type"] == "websocket.receive":
        await obey(json.loads(message["text"]), wire, send)


async def obey(order: dict[str, Any], wire: Wire, send: Any) -> None:
    match order:
        case {"do": "mix"}:
            taken = wire.take(b"".join(message_of(text.encode()) for text in order["texts"]))
            await send({"type": "websocket.send", "text": json.dumps({"taken": taken})})
            wire.write(message_of(b'"last"'))
        case {"do": "ping"}:
            answered = asyncio.Event()
            assert wire.ping(answered.set)
            async with asyncio.timeout(20):
                await answered.wait()
            await send({"type": "websocket.send", "text": '"answered"'})
        case {"do": "flood"}:
            while wire.take(message_of(b"x" * 60_000)):  # noqa: ASYNC110  nothing tells of it
                await asyncio.sleep(0)
            held = wire.buffered_bytes()
            wire.abort()
            print(json.dumps({"held": held}), flush=True)  # noqa: T201  for the test
        case {"do": "close"}:
            await send({"type": "websocket.close", "code": 4400})
            wire.take(message_of(b'"after the end"'))
