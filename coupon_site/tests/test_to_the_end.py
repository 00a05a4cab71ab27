import asyncio
from typing import Any

import pytest

from coupon_site.to_the_end import ToTheEnd


class Slow:
    """An application that waits, and notes that it has finished."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.has_finished = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.released.wait()
        self.has_finished = True


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "bare"])
async def test_request_that_the_server_gives_up__is_finished(*, guarded: bool) -> None:
    """The control: by itself it would never get so far."""
    slow = Slow()
    request = asyncio.ensure_future((ToTheEnd(slow) if guarded else slow)({}, None, None))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    slow.released.set()
    for _ in range(3):
        await asyncio.sleep(0)

    assert slow.has_finished is guarded


async def test_error__is_the_servers_to_see() -> None:
    async def fail(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await ToTheEnd(fail)({}, None, None)
