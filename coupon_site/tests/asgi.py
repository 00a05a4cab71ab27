"""Calling an ASGI application as a server does."""

import asyncio
import json
from typing import Any


class Reply:
    """What came back over ASGI."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in messages[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in messages[1:])

    def json(self) -> Any:
        return json.loads(self.body)

    def code(self) -> str:
        return str(self.json().get("code", self.json().get("state")))


async def call(app: Any, method: str, path: str, *, headers: dict[str, str], body: bytes = b"") -> Reply:
    """One request; its body comes in two halves, and the client stays."""
    sent = {"host": "localhost", **headers}
    if body:
        sent["content-length"] = str(len(body))
    address, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": address, "raw_path": address.encode(), "query_string": query.encode(), "root_path": "",
        "server": ("localhost", 80), "client": ("127.0.0.1", 5),
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
    }  # fmt: skip
    halves = [body[: len(body) // 2], body[len(body) // 2 :]]
    incoming = [{"type": "http.request", "body": half, "more_body": n == 0} for n, half in enumerate(halves)]
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(scope, receive, send)
    return Reply(messages)
