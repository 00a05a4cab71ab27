"""A way to Redis that is slow: what the server says comes late, or in small pieces."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class SlowProxy:
    """Listens on a unix socket; `delay` seconds before each piece of `piece` bytes may be changed at any time."""

    def __init__(self, folder: Path, server: str) -> None:
        self.path = folder / "slow.sock"
        self.url = f"unix://{self.path}"
        self.delay = 0.0
        self.piece = 1 << 16
        self._server = server
        self._loop = asyncio.new_event_loop()

    @contextmanager
    def running(self) -> Iterator[None]:
        listens = threading.Event()
        thread = threading.Thread(target=self._run, args=[listens], daemon=True)
        thread.start()
        assert listens.wait(10)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()

    def _run(self, listens: threading.Event) -> None:
        self._loop.run_until_complete(self._serve(listens))
        self._loop.close()

    async def _serve(self, listens: threading.Event) -> None:
        self._stop = asyncio.Event()
        self._pumps: set[asyncio.Task[None]] = set()
        server = await asyncio.start_unix_server(self._connected, self.path)
        listens.set()
        await self._stop.wait()
        server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._server)
        for pump in (self._pump(reader, back, slow=False), self._pump(there, writer, slow=True)):
            self._pumps.add(asyncio.create_task(pump))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool) -> None:
        try:
            while data := await reader.read(self.piece if slow else 1 << 16):
                if slow and self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
