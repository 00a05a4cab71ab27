"""Questions to the database that are answered together: a crowd that comes back at once costs a few statements."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar

from channels.db import database_sync_to_async

K = TypeVar("K")
V = TypeVar("V")


class Together(Generic[K, V]):
    """Whatever is asked while others are being answered waits, and is asked in one thread hop."""

    def __init__(self, answer: Callable[[Collection[K]], Mapping[K, V]]) -> None:
        self.answer = answer
        self.waiting: dict[K, asyncio.Future[V | None]] = {}
        self.task: asyncio.Task[None] | None = None

    async def ask(self, question: K) -> V | None:
        """The answer as of now; None where there is none. Raises what `answer` raises."""
        future = self.waiting.setdefault(question, asyncio.get_running_loop().create_future())
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self.run())
        return await asyncio.shield(future)

    async def run(self) -> None:
        """Answer until nobody waits."""
        while self.waiting:
            asked, self.waiting = self.waiting, {}
            try:
                answers = await database_sync_to_async(self.answer)(asked)
            except Exception as error:  # noqa: BLE001  each who asked is told
                for future in asked.values():
                    future.set_exception(error)
                    future.exception()  # who has left does not look
            else:
                for question, future in asked.items():
                    future.set_result(answers.get(question))
