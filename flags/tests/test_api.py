from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError
from rest_framework.test import APIClient

from accounts.models import User
from flags.models import Flag, FlagChange, FlagSet, NamespaceGrant

ApiOf = Callable[[User], APIClient]
MakeUser = Callable[..., User]

pytestmark = pytest.mark.django_db
committing = pytest.mark.django_db(transaction=True)  # what is listed has been published after a commit


@pytest.fixture
def editor(make_user: MakeUser, api_of: ApiOf) -> APIClient:
    return api_of(make_user(groups=["flag-editors"], email="editor@example.com"))


@pytest.fixture
def customer(make_user: MakeUser, api_of: ApiOf) -> APIClient:
    return api_of(make_user())


@committing
def test_list__is_a_plain_dictionary(editor: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("new_checkout", enabled=True)
    make_flag("cashback.auto_approve")

    response = editor.get("/api/v1/flags/")

    assert response.json() == {"new_checkout": True, "cashback.auto_approve": False}


@committing
def test_list_for_a_customer__holds_only_what_clients_may_see(
    customer: APIClient, make_flag: Callable[..., Flag]
) -> None:
    make_flag("shop.open", enabled=True, client_visible=True)
    make_flag("secret.plan", enabled=True)

    assert customer.get("/api/v1/flags/").json() == {"shop.open": True}


@committing
def test_list_that_has_not_changed__answers_304_until_it_does(
    editor: APIClient, make_flag: Callable[..., Flag], turn: Callable[..., Flag]
) -> None:
    make_flag("new_checkout")
    etag = editor.get("/api/v1/flags/")["ETag"]

    again = editor.get("/api/v1/flags/", HTTP_IF_NONE_MATCH=etag)
    turn("new_checkout", True)
    changed = editor.get("/api/v1/flags/", HTTP_IF_NONE_MATCH=etag)

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert (changed.status_code, changed.json()) == (200, {"new_checkout": True})
    assert changed["ETag"] != etag


@pytest.mark.parametrize("path", ["flags/", "flags/new_checkout", "flags/new_checkout/history"])
def test_anonymous__is_refused(api: APIClient, make_flag: Callable[..., Flag], path: str) -> None:
    make_flag("new_checkout", client_visible=True)

    response = api.get(f"/api/v1/{path}")

    assert (response.status_code, response["Content-Type"]) == (401, "application/problem+json")


def test_one_flag_for_an_editor__says_all_and_who_changed_it_last(
    editor: APIClient, make_flag: Callable[..., Flag]
) -> None:
    make_flag("checkout.new_flow", description="One page", tags=["q4"], owner="web")
    editor.put("/api/v1/flags/checkout.new_flow?enabled=true&reason=go")

    flag = editor.get("/api/v1/flags/checkout.new_flow").json()

    assert flag.pop("changed_at").endswith("Z")
    definition = flag.pop("definition")
    assert (definition["key"], definition["rules"], definition["description"]) == ("checkout.new_flow", [], "One page")
    assert flag == {
        "name": "checkout.new_flow",
        "enabled": True,
        "type": "boolean",
        "guard": [],
        "kind": "release",
        "description": "One page",
        "owner": "web",
        "tags": ["q4"],
        "protected": False,
        "client_visible": False,
        "archived_at": None,
        "version": 2,
        "changed_by": "editor@example.com",
        "changed_source": "api",
        "changed_reason": "go",
    }


@committing
def test_one_flag_for_a_customer__says_its_state_only(customer: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", enabled=True, client_visible=True)
    make_flag("secret.plan")

    assert customer.get("/api/v1/flags/shop.open").json() == {"name": "shop.open", "enabled": True}
    assert customer.get("/api/v1/flags/secret.plan").status_code == 404


@pytest.mark.parametrize("name", ["no.such", "..", "%2F", "a%20b", "x" * 500])
@pytest.mark.parametrize("rest", ["", "/history", "?enabled=true"])
def test_unknown_name__answers_404(editor: APIClient, name: str, rest: str) -> None:
    send = editor.put if "?" in rest else editor.get

    response = send(f"/api/v1/flags/{name}{rest}")

    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


@committing
def test_put__turns_and_answers_the_flag(editor: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("new_checkout")

    response = editor.put("/api/v1/flags/new_checkout?enabled=true")

    assert (response.status_code, response.json()["enabled"]) == (200, True)
    assert editor.get("/api/v1/flags/").json() == {"new_checkout": True}
    change = FlagChange.objects.get(before__isnull=False)
    assert (change.source, change.actor and change.actor.email) == ("api", "editor@example.com")


def test_same_put_twice__changes_once(editor: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("new_checkout")
    editor.put("/api/v1/flags/new_checkout?enabled=true")
    version = FlagSet.objects.get().version

    again = editor.put("/api/v1/flags/new_checkout?enabled=true")

    assert (again.status_code, again.json()["enabled"]) == (200, True)
    assert FlagSet.objects.get().version == version
    assert FlagChange.objects.count() == 2


@pytest.mark.parametrize(
    "query",
    ["", "enabled=", "enabled=1", "enabled=True", "enabled=yes", "enabled=true&enabled=false", "enabled=true&x=1"],
)
def test_put_of_anything_but_true_or_false__is_refused(
    editor: APIClient, make_flag: Callable[..., Flag], query: str
) -> None:
    make_flag("new_checkout")

    response = editor.put(f"/api/v1/flags/new_checkout?{query}")

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert FlagChange.objects.count() == 1


@pytest.mark.parametrize("body", [["a"], {"enabled": True}, {"reason": ["a"]}, {"reason": "x" * 201}, "text"])
def test_put_with_a_bad_body__is_refused(editor: APIClient, make_flag: Callable[..., Flag], body: Any) -> None:
    make_flag("new_checkout")

    response = editor.put("/api/v1/flags/new_checkout?enabled=true", body, format="json")

    assert response.status_code == 400
    assert FlagChange.objects.count() == 1


@pytest.mark.parametrize("groups", [[], ["operators"], ["finance"], ["merchants"]])
def test_put_by_anybody_else__is_refused(
    make_user: MakeUser, api_of: ApiOf, make_flag: Callable[..., Flag], groups: list[str]
) -> None:
    make_flag("new_checkout", client_visible=True)

    response = api_of(make_user(groups=groups)).put("/api/v1/flags/new_checkout?enabled=true")

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert not Flag.objects.get().enabled


def test_put_by_nobody__is_refused(api: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("new_checkout")

    assert api.put("/api/v1/flags/new_checkout?enabled=true").status_code == 401


def test_protected_flag__demands_a_reason(editor: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", protected=True, enabled=True)

    silent = editor.put("/api/v1/flags/shop.open?enabled=false")
    said = editor.put("/api/v1/flags/shop.open?enabled=false", {"reason": "sale ends"}, format="json")

    assert (silent.status_code, silent.json()["code"]) == (400, "reason_required")
    assert (said.status_code, said.json()["enabled"], said.json()["changed_reason"]) == (200, False, "sale ends")


def test_protected_flag_that_is_turned_on__waits_for_a_second_person(
    editor: APIClient, make_flag: Callable[..., Flag]
) -> None:
    make_flag("shop.open", protected=True)

    first, second = (editor.put("/api/v1/flags/shop.open?enabled=true&reason=sale") for _ in range(2))

    assert (first.status_code, first.json()["changes"], first.json()["state"]) == (202, {"enabled": True}, "proposed")
    assert second.json()["id"] == first.json()["id"]
    assert not Flag.objects.get().enabled


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


def test_declared_flag_that_nobody_made__can_be_turned(editor: APIClient, declare_flag: Callable[..., str]) -> None:
    declare_flag("checkout.new_flow")

    assert editor.put("/api/v1/flags/checkout.new_flow?enabled=true").json()["enabled"] is True


def test_history__tells_newest_first(editor: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("new_checkout")
    make_flag("other")
    editor.put("/api/v1/flags/new_checkout?enabled=true&reason=go")

    page = editor.get("/api/v1/flags/new_checkout/history").json()

    changed, made = page["results"]
    assert (changed["actor"], changed["source"], changed["reason"]) == ("editor@example.com", "api", "go")
    assert (changed["before"]["enabled"], changed["after"]["enabled"]) == (False, True)
    assert (made["actor"], made["before"], made["version"]) == (None, None, 1)
    assert page["next"] is None


def test_history_for_a_customer__is_refused(customer: APIClient, make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", client_visible=True)

    assert customer.get("/api/v1/flags/shop.open/history").status_code == 403


def test_session_without_a_csrf_token__can_not_write(make_user: MakeUser, make_flag: Callable[..., Flag]) -> None:
    make_flag("new_checkout")
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(make_user(groups=["flag-editors"]))

    assert browser.put("/api/v1/flags/new_checkout?enabled=true").status_code == 403
    assert not Flag.objects.get().enabled


def test_schema__documents_the_endpoints(api: APIClient) -> None:
    paths = api.get("/api/schema/?format=json").json()["paths"]

    assert {"/api/v1/flags/", "/api/v1/flags/{name}", "/api/v1/flags/{name}/history"} <= set(paths)
    put = paths["/api/v1/flags/{name}"]["put"]
    assert {"name", "enabled", "reason", "If-Match"} == {parameter["name"] for parameter in put["parameters"]}
    assert {"200", "202", "400", "401", "403", "404", "409", "412", "429", "503"} == set(put["responses"])
