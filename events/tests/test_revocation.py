"""What somebody may no longer see is gone from their open sockets at once."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import Group
from django.test import Client as Browser

from accounts.models import ApiToken, User
from accounts.services import revoke_token
from events.tests.clients import in_control

pytestmark = pytest.mark.django_db(transaction=True)

Connect = Callable[..., Any]


@pytest.fixture
def operator(make_user: Callable[..., User]) -> User:
    return make_user(groups=["operators"], is_staff=True)


@pytest.fixture
async def client(operator: User, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """An operator's socket, in a process that looks at rights when it is told, and otherwise never."""
    monkeypatch.setattr("events.hub.keeper.LONGEST_TICK_SECONDS", 600.0)
    client = await connect(operator)
    await in_control()
    return client


async def in_admin(staff: User, address: str, **changes: Any) -> None:
    """Open a form of the admin, change some of it, and send it."""

    def submit() -> None:
        browser = Browser()
        browser.force_login(staff)
        form = browser.get(address).context["adminform"].form
        shown = {name: keys(form.get_initial_for_field(field, name)) for name, field in form.fields.items()}
        answer = browser.post(address, {name: value for name, value in {**shown, **changes}.items() if value})
        assert answer.status_code == 302, answer.context["adminform"].form.errors

    await database_sync_to_async(submit)()


def keys(value: Any) -> Any:
    """A value of a form as a browser sends it."""
    return [each.pk for each in value] if isinstance(value, list) else value


async def lost(client: Any, channel: str) -> bool:
    """Whether the client is told that it may no longer see the channel."""
    while True:
        frame = await client.frame()
        if frame.get("code") == "forbidden" and frame["channel"] == channel:
            return True


async def test_role_taken_away__ends_what_it_showed(client: Any, operator: User, superuser: User) -> None:
    await in_admin(superuser, f"/admin/accounts/user/{operator.pk}/change/", groups=[])

    assert await lost(client, "events:flags")


async def test_role_that_loses_a_right__ends_it_for_its_members(client: Any, superuser: User) -> None:
    role = await Group.objects.aget(name="operators")

    await in_admin(superuser, f"/admin/auth/group/{role.pk}/change/", permissions=[])

    assert await lost(client, "events:flags")


async def test_user_switched_off__is_disconnected(client: Any, operator: User, superuser: User) -> None:
    await in_admin(superuser, f"/admin/accounts/user/{operator.pk}/change/", is_active="")

    assert await client.close_code() == 4401


async def test_token_revoked__disconnects(client: Any) -> None:
    token = await ApiToken.objects.select_related("user").aget()

    await database_sync_to_async(revoke_token)(token=token)

    assert await client.close_code() == 4401


async def test_change_of_somebody_else__is_told_to_nobody(client: Any, superuser: User) -> None:
    await in_admin(superuser, f"/admin/accounts/user/{superuser.pk}/change/", name="Another")

    assert await client.receive_nothing(timeout=0.3)
