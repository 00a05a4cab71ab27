"""Where Alertmanager says what fires."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from flags.models import Flag, FlagChange

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/flags/hooks/alertmanager"
TOKEN = "by what the site knows it"


@pytest.fixture
def manager(settings: Settings) -> APIClient:
    settings.ALERTS_TOKEN = TOKEN
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {TOKEN}")
    return client


def notice(*names: str, status: str = "firing") -> dict[str, Any]:
    alerts = [
        {
            "status": status,
            "labels": {"alertname": name, "service": "web"},
            "annotations": {"summary": "Requests fail"},
            "startsAt": "2026-05-01T12:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "0123456789abcdef",
        }
        for name in names
    ]
    return {"version": "4", "status": status, "receiver": "site", "alerts": alerts}


def test_alert_that_fires__turns_off_what_it_guards(manager: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("checkout.new", enabled=True, protected=True, guard=["HighErrorRate", "SlowOrderProcessing"])
    make_flag("cashback.new", enabled=True, guard=["CashbackStuck"])
    make_flag("plain", enabled=True)

    first, second = (manager.post(ADDRESS, notice("HighErrorRate", "Watchdog")) for _ in range(2))

    assert (first.status_code, first.json(), second.json()) == (
        200,
        {"turned_off": ["checkout.new"]},
        {"turned_off": []},
    )
    assert {flag.key: flag.enabled for flag in Flag.objects.all()} == {
        "checkout.new": False,
        "cashback.new": True,
        "plain": True,
    }
    change = FlagChange.objects.get(source="alert")
    assert (change.actor, change.reason) == (None, "HighErrorRate fires: Requests fail")


def test_alert_that_is_over__turns_nothing_on_nor_off(manager: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("checkout.off", guard=["HighErrorRate"])
    make_flag("checkout.on", enabled=True, guard=["HighErrorRate"])

    assert manager.post(ADDRESS, notice("HighErrorRate", status="resolved")).json() == {"turned_off": []}
    assert {flag.key: flag.enabled for flag in Flag.objects.all()} == {"checkout.off": False, "checkout.on": True}


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer wrong", f"Bearer {TOKEN}x", TOKEN])
def test_whoever_is_not_alertmanager__is_refused(
    manager: APIClient, make_flag: Callable[..., Flag], token: str
) -> None:
    make_flag("checkout.new", enabled=True, guard=["HighErrorRate"])
    manager.credentials(HTTP_AUTHORIZATION=token)

    assert manager.post(ADDRESS, notice("HighErrorRate")).status_code == 401
    assert Flag.objects.get().enabled


def test_flag_editor__is_not_alertmanager(superuser: User, api_of: Callable[[User], APIClient]) -> None:
    assert api_of(superuser).post(ADDRESS, notice("HighErrorRate")).status_code == 401


def test_site_without_a_token__listens_to_nobody(manager: APIClient, settings: Settings) -> None:
    settings.ALERTS_TOKEN = ""
    manager.credentials(HTTP_AUTHORIZATION="Bearer ")

    assert manager.post(ADDRESS, notice("HighErrorRate")).status_code == 401


[ALERT] = notice("HighErrorRate")["alerts"]
BAD: list[Any] = [
    [],
    {},
    {"version": "3", "alerts": []},
    {"version": "4"},
    {"version": "4", "alerts": {}},
    {"version": "4", "alerts": [{}]},
    {"version": "4", "alerts": [{**ALERT, "labels": []}]},
    {"version": "4", "alerts": [{**ALERT, "status": "pending"}]},
    {"version": "4", "alerts": [{**ALERT, "labels": {"alertname": {}}}]},
]


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_what_is_no_notification__is_refused(manager: APIClient, body: Any) -> None:
    assert manager.post(ADDRESS, body).status_code == 400


@pytest.mark.parametrize("labels", [{}, {"alertname": ""}, {"alertname": "x" * 10_000}])
def test_alert_without_a_name_that_a_flag_knows__turns_nothing_off(
    manager: APIClient, make_flag: Callable[..., Flag], labels: dict[str, str]
) -> None:
    make_flag("checkout.new", enabled=True, guard=["HighErrorRate"])

    answer = manager.post(ADDRESS, {"version": "4", "alerts": [{**ALERT, "labels": labels}]})

    assert (answer.status_code, answer.json()) == (200, {"turned_off": []})
