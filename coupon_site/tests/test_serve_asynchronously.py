"""Under ASGI no request waits in a thread for the event loop: a process that stops in between would never end."""

from typing import Any, NoReturn

import pytest
from asgiref.sync import AsyncToSync, sync_to_async
from django.contrib.staticfiles.finders import find
from django.db import connections
from django.test import AsyncClient


@pytest.fixture
def no_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever would enter the event loop from a thread fails."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a thread waits for the event loop")

    monkeypatch.setattr(AsyncToSync, "__call__", refuse)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_way_back")
@pytest.mark.parametrize(
    ("path", "status"),
    [("/livez", 200), ("/api/v1/sales/", 200), ("/api/v1/orders/", 401), ("/nowhere", 404), ("/admin/login/", 200)],
)
async def test_request__is_answered_from_the_event_loop(path: str, status: int) -> None:
    assert (await AsyncClient().get(path)).status_code == status
    await sync_to_async(connections.close_all)()


@pytest.mark.django_db  # the end of a response looks at the connection, if there is one
@pytest.mark.usefixtures("no_way_back")
async def test_static_file__is_answered_from_the_event_loop() -> None:
    assert find("monitoring/icon.svg")

    response = await AsyncClient().get("/static/monitoring/icon.svg")

    assert response.status_code == 200
    await sync_to_async(response.close)()
