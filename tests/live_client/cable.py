"""The network between a browser and the site: a port of its own that can be cut and mended."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

PIECE = 1 << 16


class Cable:
    """Hands on what comes, both ways, unless it is cut: then connections break, and new ones do at once."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.url = ""
        self.loop = asyncio.new_event_loop()
        self.is_cut = False
        self.writers: set[asyncio.StreamWriter] = set()

    async def serve(self) -> None:
        self.server = await asyncio.start_server(self.connect, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One connection of the browser's, until either side ends it."""
        self.writers.add(back)
        try:
            if self.is_cut:
                return
            far, forth = await asyncio.open_connection("127.0.0.1", self.target)
            self.writers.add(forth)
            await asyncio.gather(self.pump(near, forth), self.pump(far, back))
        except OSError:
            return  # the site is not there now
        finally:
            back.close()

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(PIECE):
                sink.write(piece)
                await sink.drain()
        sink.close()
        self.writers.discard(sink)

    # --- From the test's thread --------------------------------------------------------------------------------------
    def cut(self) -> None:
        """Until it is mended."""
        self.run(self._cut())

    def mend(self) -> None:
        self.is_cut = False

    def run(self, doing: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(doing, self.loop).result(timeout=60)

    async def _cut(self) -> None:
        self.is_cut = True
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    async def end(self) -> None:
        """The server too, and everybody who is at it."""
        await self._cut()
        self.server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def cable_to(port: int) -> Iterator[Cable]:
    """A cable in a thread of its own: the test's own has a loop already, the browser's."""
    cable = Cable(port)
    thread = threading.Thread(target=cable.loop.run_forever, daemon=True)
    thread.start()
    try:
        cable.run(cable.serve())
        yield cable
        cable.run(cable.end())
    finally:
        cable.loop.call_soon_threadsafe(cable.loop.stop)
        thread.join()
        cable.loop.close()
