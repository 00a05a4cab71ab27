"""`/api/v1/outbox/`."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from events.models import OutboxMessage

ADDRESS = "/api/v1/outbox/"
MakeMessage = Callable[..., OutboxMessage]
ApiOf = Callable[[User], APIClient]


def test_operator__sees_messages_newest_first(operator: User, api_of: ApiOf, make_message: MakeMessage) -> None:
    older = make_message(topic="orders", last_error="bad", state="dead", finished_at=timezone.now())
    newer = make_message()

    answer = api_of(operator).get(ADDRESS)

    assert [row["id"] for row in answer.json()["results"]] == [str(newer.pk), str(older.pk)]
    assert answer.json()["results"][1]["last_error"] == "bad"
    assert answer.json()["results"][1]["state"] == "dead"


def test_filters__narrow_the_list(operator: User, api_of: ApiOf, make_message: MakeMessage) -> None:
    make_message()
    dead = make_message(topic="orders", state="dead", finished_at=timezone.now())

    for query in ({"state": "dead"}, {"topic": "orders"}):
        assert [row["id"] for row in api_of(operator).get(ADDRESS, query).json()["results"]] == [str(dead.pk)]
    assert api_of(operator).get(ADDRESS, {"state": "sleepy"}).status_code == 400


def test_one_message__is_found_by_its_id(operator: User, api_of: ApiOf, make_message: MakeMessage) -> None:
    message = make_message(payload={"order": "o1"})

    assert api_of(operator).get(f"{ADDRESS}{message.pk}/").json()["payload"] == {"order": "o1"}
    assert api_of(operator).get(f"{ADDRESS}{uuid4()}/").status_code == 404
    assert api_of(operator).get(f"{ADDRESS}17/").status_code == 404


def test_others__see_nothing(user: User, api_of: ApiOf, api: APIClient, make_message: MakeMessage) -> None:
    message = make_message()

    for address in (ADDRESS, f"{ADDRESS}{message.pk}/"):
        assert api_of(user).get(address).status_code == 403
        assert api.get(address).status_code == 401


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_writing__is_not_offered(operator: User, api_of: ApiOf, make_message: MakeMessage, method: str) -> None:
    message = make_message()

    assert getattr(api_of(operator), method)(f"{ADDRESS}{message.pk}/", {"state": "dead"}).status_code == 405
    assert OutboxMessage.objects.get().state == "pending"
