"""Who may ask, how, how often and from where."""

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from flags.tests.ofrep.samples import ADDRESS, Ask, Serve
from flags.tests.ofrep_contract import REFUSAL, check

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["", "/a.b"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"X-API-Key": "wrong"}, 401),
    ],
)
def test_caller_without_a_token__is_refused(serve: Serve, path: str, headers: dict[str, str], status: int) -> None:
    serve({"a.b": {}})

    answer = Client().post(f"{ADDRESS}{path}", b"{}", content_type="application/json", headers=headers)

    assert answer.status_code == status
    assert answer["WWW-Authenticate"] == "Bearer"
    check(answer.json(), REFUSAL)


def test_other_ways_to_sign_in__are_an_api_key_and_a_session(serve: Serve, user: User, superuser: User) -> None:
    serve({"a.b": {"enabled": True, "client_visible": False}, "a.c": {"enabled": True}})
    _, token = issue_token(user=superuser, name="server")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)

    by_key = Client().post(ADDRESS, b"{}", content_type="application/json", headers={"X-API-Key": token})
    by_session = browser.post(ADDRESS, b"{}", content_type="application/json")

    assert [flag["key"] for flag in by_key.json()["flags"]] == ["a.b", "a.c"]
    assert [flag["key"] for flag in by_session.json()["flags"]] == ["a.c"]


def test_too_many_requests__wait_as_long_as_they_are_told(serve: Serve, ask: Ask, settings: Settings) -> None:
    settings.OFREP_REQUESTS_PER_MINUTE = 1
    serve({"a.b": {}})

    first, second = ask(), ask()

    assert (first.status_code, second.status_code, second.json()["errorCode"]) == (200, 429, "GENERAL")
    assert 1 <= int(second["Retry-After"]) <= 60


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_other_method__is_refused(ask: Ask, user: User, method: str) -> None:
    _, token = issue_token(user=user, name="shop")

    answer = getattr(Client(), method)(ADDRESS, headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize("method", ["options", "post"])
@pytest.mark.parametrize("origin", ["https://front.example", "https://evil.example"])
def test_page_of_another_origin__may_ask_where_it_is_allowed(
    serve: Serve, ask: Ask, settings: Settings, method: str, origin: str
) -> None:
    settings.REALTIME_ALLOWED_ORIGINS = ["https://front.example"]
    allowed = origin if origin in settings.REALTIME_ALLOWED_ORIGINS else None
    serve({"a.b": {}})

    answer = ask("", Origin=origin) if method == "post" else Client().options(ADDRESS, headers={"Origin": origin})

    assert answer.status_code == (200 if method == "post" else 204)
    assert answer.headers.get("Access-Control-Allow-Origin") == allowed
    assert ("ETag" in answer.headers.get("Access-Control-Expose-Headers", "")) == bool(allowed)
    assert "Origin" in answer["Vary"]
