"""Changes of a definition over REST: what they may say, on which version, and by whom."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError
from rest_framework.test import APIClient

from accounts.models import User
from flags.models import Flag, FlagChange, NamespaceGrant

ApiOf = Callable[[User], APIClient]
MakeUser = Callable[..., User]

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(make_user: MakeUser, api_of: ApiOf) -> APIClient:
    return api_of(make_user(groups=["flag-editors"], email="editor@example.com"))


RULE = {"id": "r1", "percent": 12.5, "constraints": [{"field": "country", "operator": "IN", "values": ["CH"]}]}


def test_patch__changes_anything_of_the_definition(editor: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("new_checkout")
    changes = {"enabled": True, "rules": [RULE], "guard": ["HighErrorRate"]}

    response = editor.patch("/api/v1/flags/new_checkout", {"changes": changes, "reason": "try it"})

    assert response.status_code == 200
    definition = response.json()["definition"]
    assert (definition["enabled"], definition["guard"]) == (True, ["HighErrorRate"])
    assert definition["rules"] == [{**RULE, "stickiness": "default"}]


INVALID: list[dict[str, Any]] = [
    {"enabled": "perhaps"},
    {"no_such_field": 1},
    {"rules": [{**RULE, "percent": 101}]},
    {"rules": {}},
    {"rules": [RULE, RULE]},
    {"rules": [{**RULE, "constraints": [{"field": "f", "operator": "REGEX", "values": ["("]}]}]},
    {"rules": [{**RULE, "segments": ["no.such"]}]},
    {"on_variant": "no such"},
    {"key": "another"},
    {"type": "number"},
    {"prerequisites": [{"flag": "new_checkout"}]},
    {"review_at": "0001-01-01T00:00:00+14:00"},
    {"review_at": "tomorrow"},
    {"tags": ["x" * 500]},
    {"guard": [None]},
    {"description": {}},
    {"salt": 10**30},
]


@pytest.mark.parametrize("changes", INVALID, ids=range(len(INVALID)))
def test_patch_that_makes_no_flag__is_refused(
    editor: APIClient, make_flag: Callable[..., Flag], changes: dict[str, Any]
) -> None:
    make_flag("new_checkout")

    response = editor.patch("/api/v1/flags/new_checkout", {"changes": changes})

    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert FlagChange.objects.count() == 1


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e-400", "9" * 400])
@pytest.mark.parametrize("field", ['"rules": [{"id": "r1", "percent": %s}]', '"variants": [{"key": "a", "value": %s}]'])
def test_number_that_nothing_can_hold__never_breaks_the_site(
    editor: APIClient, make_flag: Callable[..., Flag], field: str, number: str
) -> None:
    make_flag("new_checkout")
    body = f'{{"changes": {{{field % number}}}}}'

    response = editor.generic("PATCH", "/api/v1/flags/new_checkout", body, content_type="application/json")

    assert response.status_code in {200, 400}


def test_if_match__lets_only_the_present_version_be_changed(editor: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("new_checkout")
    etag = editor.get("/api/v1/flags/new_checkout")["ETag"]

    first = editor.put("/api/v1/flags/new_checkout?enabled=true", HTTP_IF_MATCH=etag)
    late = editor.put("/api/v1/flags/new_checkout?enabled=false", HTTP_IF_MATCH=etag)
    whatever = editor.put("/api/v1/flags/new_checkout?enabled=false", HTTP_IF_MATCH="*")

    assert (first.status_code, first["ETag"], etag) == (200, '"2"', '"1"')
    assert (late.status_code, late.json()["code"]) == (412, "flag_changed_meanwhile")
    assert (whatever.status_code, whatever.json()["enabled"]) == (200, False)


@pytest.mark.parametrize("etag", ["1", 'W/"1"', '"x"', '""', '"1", "2"', '"-1"', f'"{"9" * 40}"', '"²"'])
def test_if_match_of_another_form__matches_nothing(
    editor: APIClient, make_flag: Callable[..., Flag], etag: str
) -> None:
    make_flag("new_checkout")

    response = editor.put("/api/v1/flags/new_checkout?enabled=true", HTTP_IF_MATCH=etag)

    assert response.status_code == 412
    assert not Flag.objects.get().enabled


def test_grant_below_a_prefix__is_a_right_there_and_nowhere_else(
    make_user: MakeUser, api_of: ApiOf, make_flag: Callable[..., Flag]
) -> None:
    user = make_user()
    team = Group.objects.create(name="checkout team")
    team.user_set.add(user)
    NamespaceGrant.objects.create(group=team, namespace="checkout")
    make_flag("checkout.new_flow")
    make_flag("checkouts")

    here, there = (api_of(user).put(f"/api/v1/flags/{key}?enabled=true") for key in ("checkout.new_flow", "checkouts"))

    assert (here.status_code, there.status_code) == (200, 403)


def test_database_that_is_away__is_a_503(
    editor: APIClient, make_flag: Callable[..., Flag], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_flag("new_checkout")

    def away(**kwargs: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("flags.api.flags.change_or_plan", away)
    response = editor.put("/api/v1/flags/new_checkout?enabled=true")

    assert (response.status_code, response.json()["code"], response["Retry-After"]) == (503, "unavailable", "5")
