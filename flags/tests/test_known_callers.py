"""Who asks is looked up once a minute, and stays known while the database is away."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client

from accounts.models import User
from accounts.services import issue_token, revoke_token
from flags.ofrep import callers as module
from flags.ofrep.callers import Caller, Callers

CALLER = Caller(uuid4(), everything=True)


class Source:
    """The database, as these tests need it."""

    def __init__(self) -> None:
        self.answer: Callable[[str], Caller | None] = lambda token: CALLER
        self.asked = 0

    def __call__(self, token: str) -> Caller | None:
        self.asked += 1
        return self.answer(token)


def refused(token: str) -> Caller | None:
    raise OperationalError("connection refused")


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    source = Source()
    monkeypatch.setattr(module, "look_up", source)
    monkeypatch.setattr("flags.ofrep.callers.connection.close", lambda: None)
    return source


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known is old at each request, and the database has time to answer."""
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(module, "WAIT_SECONDS", 60.0)


def test_caller_who_was_just_looked_up__is_not_looked_up_again(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 60.0)
    callers = Callers()

    assert [callers.of_token("t") for _ in range(3)] == [CALLER] * 3
    assert source.asked == 1


@pytest.mark.usefixtures("stale")
def test_token_that_was_revoked__is_refused_a_minute_later(source: Source) -> None:
    callers = Callers()
    callers.of_token("t")
    source.answer = lambda token: None

    assert callers.of_token("t") is None


@pytest.mark.usefixtures("stale")
def test_database_that_is_away__leaves_who_was_known(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flags.breaker.FIRST_SECONDS", 60.0)
    callers = Callers()
    callers.of_token("t")
    source.answer = refused

    assert [callers.of_token("t") for _ in range(20)] == [CALLER] * 20
    assert source.asked == 2  # then it is left alone for a while
    with pytest.raises(OperationalError):
        callers.of_token("another")


@pytest.mark.usefixtures("stale")
def test_database_that_hangs__holds_up_one_request_for_a_moment(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.01)
    callers, over = Callers(), threading.Event()
    callers.of_token("t")
    source.answer = lambda token: CALLER if over.wait(10) else None

    assert [callers.of_token("t") for _ in range(20)] == [CALLER] * 20
    over.set()
    assert source.asked == 2


def test_texts_that_are_no_tokens__are_not_remembered(source: Source) -> None:
    callers = Callers()
    source.answer = lambda token: None

    assert [callers.of_token(str(number)) for number in range(9)] == [None] * 9
    assert not callers._known


def test_many_tokens__push_the_oldest_out(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    callers = Callers()

    for number in range(9):
        callers.of_token(str(number))

    assert len(callers._known) == 3


@pytest.mark.django_db
def test_stranger_while_the_database_is_away__is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "look_up", refused)

    answer = ask({"Authorization": f"Bearer {uuid4()}"})

    assert (answer.status_code, answer["Retry-After"], answer.json()["errorCode"]) == (503, "5", "GENERAL")


@pytest.mark.django_db(transaction=True)
def test_token_that_was_revoked__is_refused_at_the_door(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token, text = issue_token(user=user, name="shop")
    headers = {"Authorization": f"Bearer {text}"}

    before = ask(headers).status_code
    revoke_token(token=token)
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(module, "WAIT_SECONDS", 60.0)

    assert (before, ask(headers).status_code) == (200, 401)


def ask(headers: dict[str, str]) -> Any:
    return Client().post("/ofrep/v1/evaluate/flags", b"{}", content_type="application/json", headers=headers)
