"""Beneath the servers that we know, as they are installed: whole frames, pings, what waits, and letting go."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import MethodType, SimpleNamespace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from events.hub.wire import AsyncioWire, DaphneWire, UvicornWire, Wire, wire_of
from tests.live import ROOT, START_SECONDS, free_ports, wait_for

BIN = Path(sys.executable).parent
APP = "events.tests.wire_app:application"
COMMANDS = {
    "daphne": [BIN / "daphne", "-b", "127.0.0.1", "-v", "0", APP, "-p"],
    "uvicorn": [BIN / "uvicorn", "--ws=websockets-sansio", "--lifespan=off", "--log-level=warning", APP, "--port"],
}
KINDS = {"daphne": DaphneWire, "uvicorn": UvicornWire}


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, int, subprocess.Popen[str]]]:
    """A server's name, port and process."""
    [port] = free_ports(1)
    command = [str(word) for word in (*COMMANDS[request.param], port)]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "coupon_site.settings"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: listens(port), f"{request.param} to listen", START_SECONDS)
            yield request.param, port, process
        finally:
            process.terminate()


def listens(port: int) -> bool:
    try:
        with connect(f"ws://127.0.0.1:{port}/"):
            return True
    except OSError:
        return False


@pytest.fixture
def call(server: tuple[str, int, Any]) -> Iterator[Callable[..., ClientConnection]]:
    """Open a socket, greeted."""
    with ExitStack() as stack:

        def open_socket(**options: Any) -> ClientConnection:
            client = stack.enter_context(connect(f"ws://127.0.0.1:{server[1]}/", max_size=None, **options))
            assert json.loads(client.recv(30)) == {"wire": KINDS[server[0]].__name__}
            return client

        yield open_socket


@pytest.mark.parametrize("compression", ["deflate", None])
def test_frames_written_beneath__come_in_order_with_those_of_the_server(
    call: Callable[..., ClientConnection], compression: str | None
) -> None:
    client = call(compression=compression)
    texts = ["a", "é" * 100, "b" * 70_000]

    client.send(json.dumps({"do": "mix", "texts": texts}))

    assert [client.recv(30) for _ in texts] == texts
    assert [json.loads(client.recv(30)) for _ in range(2)] == [{"taken": True}, "last"]


def test_ping__is_answered_by_the_socket_alone(call: Callable[..., ClientConnection]) -> None:
    client = call()

    client.send(json.dumps({"do": "ping"}))

    assert json.loads(client.recv(30)) == "answered"


def test_client_that_does_not_read__is_seen_and_let_go(
    server: tuple[str, int, subprocess.Popen[str]], call: Callable[..., ClientConnection]
) -> None:
    client = call(max_queue=1)

    client.send(json.dumps({"do": "flood"}))

    assert json.loads(str(server[2].stdout and server[2].stdout.readline()))["held"] > 0
    with pytest.raises(ConnectionClosed):
        list(client)


def test_socket_that_is_closed__takes_nothing_more(call: Callable[..., ClientConnection]) -> None:
    client = call()

    client.send(json.dumps({"do": "close"}))

    with pytest.raises(ConnectionClosed) as closed:
        client.recv(30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4400


# --- What is not known -----------------------------------------------------------------------------------------------
async def plain(message: Any) -> None: ...


def test_server_that_is_not_known__offers_nothing() -> None:
    wire = wire_of(plain)

    assert type(wire) is Wire
    assert (wire.take(b"x"), wire.buffered_bytes(), wire.ping(lambda: None), wire.say_goodbye(1012)) == (
        False,
        0,
        False,
        False,
    )
    wire.abort()


def test_connection_under_tls__is_not_written_to_in_the_clear() -> None:
    below = SimpleNamespace(_tempDataLen=0, dataBuffer=b"", offset=0, TLS=True)

    class Wrapper:
        """As Twisted's TLS: it shows the attributes of what it wraps."""

        def __getattr__(self, name: str) -> Any:
            return getattr(below, name)

    for transport in (below, Wrapper()):
        protocol = SimpleNamespace(transport=transport, sendCloseFrame=lambda code: None)
        assert type(wire_of(partial(plain, protocol))) is Wire


def test_uvicorn_under_tls__is_not_written_to_in_the_clear() -> None:
    facts = {"sslcontext": object()}
    transport = SimpleNamespace(get_write_buffer_size=int, is_closing=bool, get_extra_info=facts.get)
    protocol = SimpleNamespace(transport=transport, close_sent=False, conn=None)
    protocol.send = MethodType(plain, protocol)

    assert type(wire_of(protocol.send)) is AsyncioWire
