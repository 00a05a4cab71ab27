import asyncio
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import AnonymousUser, Group
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from flags import is_enabled, use_context
from flags.context import RequestContext, ambient
from flags.definition import Constraint, Operator
from flags.middleware import PinSnapshot
from flags.tests.known import boolean, know, rule


def for_user(user: User) -> Any:
    """A flag that only this user gets, and the request of somebody whose user is not loaded yet."""
    only = Constraint(field="userId", operator=Operator.IN, values=(str(user.public_id),))
    know({"it": boolean(rule(constraints=(only,)))})
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.7")
    request.user = SimpleLazyObject(lambda: User.objects.get(pk=user.pk))
    return request


@pytest.mark.django_db
def test_request__says_who_asks(user: User) -> None:
    request = for_user(user)
    user.groups.add(Group.objects.get(name="operators"))

    context = RequestContext(request)

    assert dict(context) == {
        "targetingKey": str(user.public_id),
        "userId": str(user.public_id),
        "remoteAddress": "10.0.0.7",
        "emailDomain": "example.com",
        "isStaff": False,
        "groups": ["operators"],
    }


@pytest.mark.django_db
def test_view__is_answered_for_its_user(user: User) -> None:
    answers = []

    def view(request: HttpRequest) -> HttpResponse:
        answers.append(is_enabled("it"))
        return HttpResponse()

    PinSnapshot(view)(for_user(user))

    assert answers == [True]
    assert not is_enabled("it")


def test_flag_that_asks_nothing__loads_no_user() -> None:
    know({"it": boolean()})
    request = RequestFactory().get("/")
    request.user = SimpleLazyObject(lambda: pytest.fail("loaded"))

    with use_context(RequestContext(request)):
        assert is_enabled("it")


@pytest.mark.django_db
def test_checks_of_one_request__load_the_user_and_the_groups_once(user: User, django_assert_num_queries: Any) -> None:
    context = RequestContext(for_user(user))
    group = Constraint(field="groups", operator=Operator.IN, values=("operators",))
    know({"group": boolean(rule(constraints=(group,)))}, version=2)

    with use_context(context), django_assert_num_queries(2):
        for _ in range(3):
            is_enabled("group")


@pytest.mark.django_db
async def test_view_on_an_event_loop__does_not_load_the_user(user: User) -> None:
    request = AsyncRequestFactory().get("/")
    request.user = SimpleLazyObject(lambda: pytest.fail("loaded"))
    know({"it": boolean(rule(percent=99))})

    with use_context(RequestContext(request)):
        assert not is_enabled("it")
        request._acached_user = user  # as request.auser() leaves it
        assert ambient().get("userId") == str(user.public_id)


@pytest.mark.django_db(transaction=True)
async def test_thread_of_an_async_view__may_load_the_user(user: User) -> None:
    request = for_user(user)

    with use_context(RequestContext(request)):
        assert await database_sync_to_async(is_enabled)("it")


def test_database_that_is_away__makes_somebody_nobody_and_is_asked_once() -> None:
    asked = []

    def away() -> User:
        asked.append(1)
        raise OperationalError("away")

    request = RequestFactory().get("/")
    request.user = SimpleLazyObject(away)
    know({"it": boolean(rule(percent=50), fallthrough_variant="on")})

    with use_context(RequestContext(request)):
        assert [is_enabled("it") for _ in range(3)] == [True] * 3

    assert len(asked) == 1


@pytest.mark.parametrize("user", [AnonymousUser(), None])
def test_nobody__has_an_address_and_nothing_else(user: AnonymousUser | None) -> None:
    request = RequestFactory().get("/")
    if user:
        request.user = user

    assert dict(RequestContext(request)) == {"remoteAddress": "127.0.0.1"}


@pytest.mark.django_db
def test_user_who_signs_in_halfway__counts_from_then_on(user: User) -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    context = RequestContext(request)
    assert context.get("userId") is None

    request.user = user

    assert context.get("userId") == str(user.public_id)


def test_context_in_use__counts_inside_this_task_only() -> None:
    know({"it": boolean(rule(constraints=(Constraint(field="userId", operator=Operator.IN, values=("ann",)),)))})

    async def ask(name: str) -> bool:
        with use_context({"userId": name}):
            await asyncio.sleep(0)
            return is_enabled("it")

    async def both() -> list[bool]:
        return await asyncio.gather(ask("ann"), ask("bob"))

    assert asyncio.run(both()) == [True, False]
    assert not is_enabled("it")
