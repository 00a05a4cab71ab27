"""Questions that are answered together."""

import asyncio
from collections.abc import Collection, Mapping
from threading import Event

import pytest
from django.db import OperationalError

from events.hub.together import Together
from events.tests.clients import until

pytestmark = pytest.mark.django_db(transaction=True)  # the thread hop ends what it finds of connections


class Desk:
    """Answers numbers under ten by their squares, when it is let."""

    def __init__(self) -> None:
        self.batches: list[set[int]] = []
        self.open = Event()

    def answer(self, questions: Collection[int]) -> Mapping[int, int]:
        self.batches.append(set(questions))
        assert self.open.wait(20)
        if 13 in questions:
            raise OperationalError("the server is away")
        return {number: number * number for number in questions if number < 10}


async def asked(together: Together[int, int], *numbers: int) -> "list[asyncio.Task[int | None]]":
    """On their way."""
    tasks = [asyncio.create_task(together.ask(number)) for number in numbers]
    await asyncio.sleep(0)
    return tasks


async def test_who_comes_while_others_are_answered__is_answered_with_all_who_came() -> None:
    desk = Desk()
    together = Together(desk.answer)

    first = await asked(together, 1, 2, 2)
    await until(lambda: bool(desk.batches))
    later = await asked(together, 2, 3, 4, 77)
    desk.open.set()

    assert await asyncio.gather(*first, *later) == [1, 4, 4, 4, 9, 16, None]
    assert desk.batches == [{1, 2}, {2, 3, 4, 77}]


async def test_failure__is_told_to_each_who_asked_and_to_nobody_later() -> None:
    desk = Desk()
    desk.open.set()
    together = Together(desk.answer)

    answers = await asyncio.gather(*(await asked(together, 13, 2)), return_exceptions=True)

    assert [type(each) for each in answers] == [OperationalError, OperationalError]
    assert await together.ask(2) == 4


async def test_one_who_leaves__takes_no_answer_from_the_others() -> None:
    desk = Desk()
    together = Together(desk.answer)
    leaving, staying = await asked(together, 3, 3)

    leaving.cancel()
    desk.open.set()

    assert await staying == 9
