"""The socket door: who comes in, who is turned away, and what ends a socket."""

import asyncio
from collections.abc import Mapping
from typing import Any, NoReturn, cast
from urllib.parse import parse_qs

import orjson
from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer

from events import metrics
from events.consumers.commands import MAX_CHANNELS, MAX_MESSAGE_BYTES, Commands, greeting, object_of
from events.hub import Hub, hub_of_loop
from events.hub.closing import CloseCode, reason_of
from events.hub.connection import Connection
from events.hub.gate import Place, TooMany
from events.hub.replies import with_ref
from events.hub.socket import Socket
from events.hub.viewer import BadTicket, NotYetKnown, Refused, Viewer, admit, admit_by_ticket
from events.hub.wire import Send
from events.tickets import PROTOCOL

AUTH_SECONDS = 5.0
HTTP_RESPONSE = "websocket.http.response"


class RealtimeConsumer(AsyncConsumer):
    """One client of the hub. No channel layer: its alias names none, so that Channels makes no mailbox per socket."""

    channel_layer_alias = "realtime-has-none"

    hub: Hub
    commands: Commands
    connection: Connection | None = None
    place: Place | None = None
    deadline: asyncio.TimerHandle | None = None

    def __init__(self, *, endpoint: str = "realtime", follows_by_default: bool = True) -> None:
        self.endpoint = endpoint
        self.follows_by_default = follows_by_default

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket to its end, whatever ends it: nothing of it stays in the hub."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.deadline is not None:
                self.deadline.cancel()
            if self.place is not None:
                self.place.leave()
            if self.connection is not None:
                self.hub.leave(self.connection)
                await self.connection.stop()

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        """As Channels does, without its thread hop per message: nothing here keeps a database connection."""
        await getattr(self, get_handler_name(dict(message)))(message)

    # --- Coming and going ---------------------------------------------------------------------------------------------
    async def websocket_connect(self, message: Mapping[str, Any]) -> None:
        try:
            self.hub = await hub_of_loop()
            self.place = self.hub.gate.enter(self.scope)
            viewer = await admit(self.scope, self.hub.viewers)
            self.place.seat(viewer.user.pk)
        except NotYetKnown:
            await self.accept()
            self.deadline = asyncio.get_running_loop().call_later(AUTH_SECONDS, self.give_up_waiting)
        except (BadTicket, TooMany) as refused:
            # A page sees no status of a handshake: only by a code does it learn that trying again is of no use.
            await self.accept()
            code = CloseCode.AUTH_EXPIRED if isinstance(refused, BadTicket) else CloseCode.TOO_MANY
            await self.turn_away(code, refused.reason)
        except Refused as refused:
            await self.refuse(refused.status, refused.reason)
        except TimeoutError:
            await self.refuse(503, "unavailable")
        else:
            await self.accept()
            await self.welcome(viewer)

    async def accept(self) -> None:
        """Open the socket, with the sub-protocol when the client knows it."""
        known = PROTOCOL in (self.scope.get("subprotocols") or [])
        await self.send({"type": "websocket.accept", "subprotocol": PROTOCOL if known else None})

    async def turn_away(self, code: CloseCode, reason: str) -> None:
        """Close a socket that belongs to nobody."""
        metrics.rejected.labels(reason).inc()
        await Socket(cast(Send, self.base_send)).close(code)

    def give_up_waiting(self) -> None:
        self.deadline = None
        self.hub.spawn(self.turn_away(CloseCode.TIMED_OUT, "auth_timeout"))

    async def refuse(self, status: int, reason: str) -> NoReturn:
        """Answer by HTTP where the server can, else by closing before accepting, which is a 403."""
        metrics.rejected.labels(reason).inc()
        if HTTP_RESPONSE in (self.scope.get("extensions") or {}):
            body = orjson.dumps({"type": "about:blank", "title": reason, "status": status, "code": reason})
            headers = [(b"content-type", b"application/problem+json"), (b"retry-after", b"5")]
            await self.send({"type": f"{HTTP_RESPONSE}.start", "status": status, "headers": headers})
            await self.send({"type": f"{HTTP_RESPONSE}.body", "body": body})
        else:
            await self.send({"type": "websocket.close"})
        raise StopConsumer

    async def welcome(self, viewer: Viewer, *, ref: object = None) -> None:
        """Greet, then follow what was asked for in the address, or all that the user may see."""
        socket = Socket(cast(Send, self.base_send))
        connection = Connection(hub=self.hub, socket=socket, viewer=viewer, endpoint=self.endpoint)
        self.connection, self.commands = connection, Commands(self.hub, connection)
        self.hub.join(connection)
        connection.reply(with_ref(greeting(), ref))
        if self.hub.degraded:
            connection.reply(self.hub.status())
        for channel in self.first_channels(viewer):
            await self.commands.subscribe({"channel": channel})

    def first_channels(self, viewer: Viewer) -> list[str]:
        """`?channels=a,b`, or every channel that the user may see."""
        query = parse_qs(self.scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        if "channels" in query:
            return [name for name in ",".join(query["channels"]).split(",") if name][:MAX_CHANNELS]
        return list(viewer.access) if self.follows_by_default else []

    async def websocket_disconnect(self, message: Mapping[str, Any]) -> None:
        if self.connection is not None:
            self.connection.ending = self.connection.ending or reason_of(message.get("code"))
        raise StopConsumer

    # --- Messages -----------------------------------------------------------------------------------------------------
    async def websocket_receive(self, message: Mapping[str, Any]) -> None:
        text = message.get("text") or ""
        if self.connection is None:
            await self.receive_first(text)
            return
        if self.connection.ending is None:
            self.connection.heard()
            await self.commands.receive(text, size=max(len(text), len(message.get("bytes") or b"")))

    async def receive_first(self, text: str) -> None:
        """The first message of somebody unknown says who it is; nothing else is listened to."""
        if self.deadline is None:
            return
        self.deadline.cancel()
        self.deadline = None
        match object_of(text[:MAX_MESSAGE_BYTES]):
            case {"type": "auth", "ticket": str(ticket), **rest}:
                try:
                    viewer = await admit_by_ticket(ticket, self.hub.viewers)
                    cast(Place, self.place).seat(viewer.user.pk)
                except TooMany as refused:
                    await self.turn_away(CloseCode.TOO_MANY, refused.reason)
                except BadTicket as refused:
                    await self.turn_away(CloseCode.AUTH_EXPIRED, refused.reason)
                except Refused as refused:
                    await self.turn_away(CloseCode.TRY_LATER, refused.reason)
                else:
                    await self.welcome(viewer, ref=rest.get("ref"))
            case _:
                await self.turn_away(CloseCode.BAD_MESSAGE, "bad_message")
