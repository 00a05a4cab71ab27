"""Answers that are written while they are read from the database."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

AT_ONCE = 200


class Streamed(StreamingHttpResponse):
    """Pieces of a plain iterator, some at a time in the request's own thread.

    Left to itself, Django would first collect them all where it serves asynchronously.
    """

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self)
        while some := await sync_to_async(join)(pieces):
            yield some


def join(pieces: Iterator[bytes]) -> bytes:
    """The next pieces as one; nothing when there are no more."""
    return b"".join(islice(pieces, AT_ONCE))
