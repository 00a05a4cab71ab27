"""Notices that this process has newer flags, while somebody waits for that."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from flags.current import current

LOOK_SECONDS = 0.05  # at a number of this process
REFRESH_SECONDS = 1.0  # as every check of a flag does


class Watch:
    """One per event loop; `news` is done when `version` has risen."""

    def __init__(self) -> None:
        self.version = current.snapshot.version
        self.news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.followers = 0
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def followed(self) -> Iterator[None]:
        self.followers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self.followers -= 1

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        refreshed_at = -REFRESH_SECONDS
        while self.followers:
            if loop.time() - refreshed_at >= REFRESH_SECONDS:
                refreshed_at = loop.time()
                await asyncio.to_thread(current.get)  # it may ask Redis
            if current.snapshot.version != self.version:
                self.version = current.snapshot.version
                self.news.set_result(None)
                self.news = loop.create_future()
            await asyncio.sleep(LOOK_SECONDS)


_watches: "WeakKeyDictionary[asyncio.AbstractEventLoop, Watch]" = WeakKeyDictionary()


def watch_of_loop() -> Watch:
    loop = asyncio.get_running_loop()
    if loop not in _watches:
        _watches[loop] = Watch()
    return _watches[loop]
