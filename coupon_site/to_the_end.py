"""Requests that their server has given up on end in order all the same."""

import asyncio
from typing import Any


class ToTheEnd:
    """Django behind a server that cancels what is slow, as daphne does ten seconds after a client has hung up.

    A request that is cancelled before it says that it has finished keeps its database connection; as many as the pool
    has, and the process never gets one again.
    """

    def __init__(self, application: Any) -> None:
        self.application = application
        self.running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.ensure_future(self.application(scope, receive, send))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        await asyncio.shield(task)
