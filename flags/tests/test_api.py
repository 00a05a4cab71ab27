from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from flags.models import Flag, FlagChange, FlagSet

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
