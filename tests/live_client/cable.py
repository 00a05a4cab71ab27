"""The network between a browser and the site: a port of its own that can be cut and mended."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

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
        server = await asyncio.start_server(self.connect, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

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
        self.call(self._cut)

    def mend(self) -> None:
        self.is_cut = False

    def call(self, act: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            act()
            done.set()

        self.loop.call_soon_threadsafe(run)
        done.wait()

    def _cut(self) -> None:
        self.is_cut = True
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


@contextmanager
def cable_to(port: int) -> Iterator[Cable]:
    """A cable in a thread of its own."""
    cable = Cable(port)
    cable.loop.run_until_complete(cable.serve())
    thread = threading.Thread(target=cable.loop.run_forever, daemon=True)
    thread.start()
    try:
        yield cable
    finally:
        cable.cut()
        cable.call(cable.loop.stop)
        thread.join()
        tasks = asyncio.all_tasks(cable.loop)
        for task in tasks:
            task.cancel()
        cable.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        cable.loop.close()
