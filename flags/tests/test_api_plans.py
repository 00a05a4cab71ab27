"""Changes that wait, the second person's yes, the way back, and why: over REST."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from flags.models import Flag, FlagChange, PlannedChange
from flags.services import run_planned_changes

ApiOf = Callable[[User], APIClient]
MakeUser = Callable[..., User]
MakeFlag = Callable[..., Flag]

pytestmark = pytest.mark.django_db

TOMORROW = timezone.now() + timedelta(days=1)
ADDRESS = "/api/v1/flags/checkout.new"


@pytest.fixture
def editor(make_user: MakeUser, api_of: ApiOf) -> APIClient:
    return api_of(make_user(groups=["flag-editors"], email="editor@example.com"))


@pytest.fixture
def other(make_user: MakeUser, api_of: ApiOf) -> APIClient:
    return api_of(make_user(groups=["flag-editors"], email="other@example.com"))


def plan(client: APIClient, body: dict[str, Any], key: str = "") -> Any:
    return client.post(f"{ADDRESS}/plan", body, headers={"Idempotency-Key": key or str(uuid4())})


def test_plan__waits_for_its_moment(editor: APIClient, make_flag: MakeFlag) -> None:
    make_flag("checkout.new")

    response = plan(editor, {"changes": {"enabled": True}, "run_at": TOMORROW.isoformat(), "reason": "the sale"})

    assert response.status_code == 201
    said = response.json()
    assert (said["state"], said["author"], said["changes"]) == ("approved", "editor@example.com", {"enabled": True})
    assert editor.get(f"{ADDRESS}/plan").json()["results"] == [said]
    assert run_planned_changes(at=TOMORROW + timedelta(seconds=1)) == 1
    assert Flag.objects.get().enabled


def test_plan_that_is_sent_twice__is_one(editor: APIClient, make_flag: MakeFlag) -> None:
    make_flag("checkout.new")
    body = {"changes": {"enabled": True}, "run_at": TOMORROW.isoformat()}

    first, second = (plan(editor, body, key="k1") for _ in range(2))

    assert first.json() == second.json()
    assert PlannedChange.objects.count() == 1


def test_ramp__is_a_row_of_plans_each_after_the_one_before(editor: APIClient, make_flag: MakeFlag) -> None:
    make_flag("checkout.new")
    steps = [{"percent": percent, "run_at": TOMORROW.isoformat()} for percent in (5, 50, 100)]

    planned = plan(editor, {"ramp": steps}).json()["steps"]

    assert [each["changes"]["rules"][0].get("percent", 100) for each in planned] == [5, 50, 100]
    assert [each["after"] for each in planned] == [None, planned[0]["id"], planned[1]["id"]]


BAD_PLANS: list[dict[str, Any]] = [
    {},
    {"changes": {"enabled": True}},
    {"run_at": "2030-01-01T00:00:00Z"},
    {"changes": {"enabled": True}, "run_at": "2030-01-01T00:00:00Z", "ramp": []},
    {"changes": {"enabled": False}, "run_at": "2030-01-01T00:00:00Z"},
    {"changes": {"no_such": 1}, "run_at": "2030-01-01T00:00:00Z"},
    {"changes": {"enabled": True}, "run_at": "0001-01-01T00:00:00+14:00"},
    {"changes": {"enabled": True}, "run_at": "9999-12-31T23:59:59-14:00"},
    {"ramp": []},
    {"ramp": [{"percent": 101, "run_at": "2030-01-01T00:00:00Z"}]},
    {"ramp": [{"percent": 1e308, "run_at": "2030-01-01T00:00:00Z"}]},
    {"ramp": [{"percent": 5, "run_at": "2030-01-02T00:00:00Z"}, {"percent": 9, "run_at": "2030-01-01T00:00:00Z"}]},
    {"ramp": [{"percent": 5}]},
]


@pytest.mark.parametrize("body", BAD_PLANS, ids=range(len(BAD_PLANS)))
def test_plan_that_makes_no_sense__is_refused(editor: APIClient, make_flag: MakeFlag, body: dict[str, Any]) -> None:
    make_flag("checkout.new")

    response = plan(editor, body)

    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert not PlannedChange.objects.exists()


def test_protected_flag__goes_on_when_another_person_says_yes(
    editor: APIClient, other: APIClient, superuser: User, api_of: ApiOf, make_flag: MakeFlag
) -> None:
    make_flag("checkout.new", protected=True)
    waiting = editor.put(f"{ADDRESS}?enabled=true&reason=ready").json()

    own = editor.post(f"/api/v1/flags/plans/{waiting['id']}/approve")
    theirs = api_of(superuser).post(f"/api/v1/flags/plans/{waiting['id']}/approve")

    assert own.status_code == 403
    assert (theirs.status_code, theirs.json()["state"]) == (200, "applied")
    assert theirs.json()["approved_by"] == [superuser.email]
    assert Flag.objects.get().enabled
    again = api_of(superuser).post(f"/api/v1/flags/plans/{waiting['id']}/approve")
    assert (again.status_code, again.json()["code"]) == (409, "plan_ended")


def test_plan_that_is_called_off__is_over(editor: APIClient, make_flag: MakeFlag) -> None:
    make_flag("checkout.new")
    waiting = plan(editor, {"changes": {"enabled": True}, "run_at": TOMORROW.isoformat()}).json()

    response = editor.post(f"/api/v1/flags/plans/{waiting['id']}/cancel", {"reason": "not yet"})

    assert (response.json()["state"], response.json()["error"]) == ("cancelled", "not yet")
    assert run_planned_changes(at=TOMORROW + timedelta(days=1)) == 0


@pytest.mark.parametrize("act", ["approve", "cancel"])
def test_plan_of_nobody__is_not_found(editor: APIClient, act: str) -> None:
    assert editor.post(f"/api/v1/flags/plans/{uuid4()}/{act}").status_code == 404


@pytest.mark.parametrize("groups", [[], ["operators"]])
def test_who_may_not_change_flags__plans_and_calls_off_nothing(
    editor: APIClient, make_user: MakeUser, api_of: ApiOf, make_flag: MakeFlag, groups: list[str]
) -> None:
    make_flag("checkout.new")
    body = {"changes": {"enabled": True}, "run_at": TOMORROW.isoformat()}
    waiting, client = plan(editor, body).json(), api_of(make_user(groups=groups))

    answers = [
        plan(client, body),
        client.post(f"/api/v1/flags/plans/{waiting['id']}/approve"),
        client.post(f"/api/v1/flags/plans/{waiting['id']}/cancel"),
        client.post(f"{ADDRESS}/revert", {"version": 1}),
        client.patch(ADDRESS, {"changes": {"enabled": True}}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert PlannedChange.objects.get().state == "approved"


def test_revert__takes_a_change_back(editor: APIClient, make_flag: MakeFlag) -> None:
    make_flag("checkout.new")
    editor.patch(ADDRESS, {"changes": {"enabled": True, "description": "wrong"}})
    change = editor.get(f"{ADDRESS}/history").json()["results"][0]

    response = editor.post(f"{ADDRESS}/revert", {"version": change["version"]})

    assert (response.status_code, response.json()["enabled"], response.json()["description"]) == (200, False, "")
    assert response.json()["changed_reason"] == f"back to before version {change['version']}"
    assert FlagChange.objects.count() == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"version": 99}, 404),
        ({"version": 1}, 409),
        ({"version": 0}, 400),
        ({"version": 10**30}, 400),
        ({"version": "x"}, 400),
        ({}, 400),
        ({"version": 1, "more": 1}, 400),
    ],
)
def test_revert_of_what_was_not__is_refused(
    editor: APIClient, make_flag: MakeFlag, body: dict[str, Any], status: int
) -> None:
    make_flag("checkout.new")

    assert editor.post(f"{ADDRESS}/revert", body).status_code == status


def test_revert_of_a_protected_flag__waits_where_it_would_let_more_happen(
    editor: APIClient, make_flag: MakeFlag
) -> None:
    make_flag("checkout.new", protected=True, enabled=True)
    editor.put(f"{ADDRESS}?enabled=false&reason=broken")
    change = editor.get(f"{ADDRESS}/history").json()["results"][0]

    response = editor.post(f"{ADDRESS}/revert", {"version": change["version"], "reason": "it was not the flag"})

    assert (response.status_code, response.json()["changes"]) == (202, {"enabled": True})


@pytest.mark.django_db(transaction=True)
def test_explanation__names_every_verdict(editor: APIClient, make_flag: MakeFlag) -> None:
    rule = {"id": "r1", "name": "Swiss", "constraints": [{"field": "country", "operator": "IN", "values": ["CH"]}]}
    make_flag("checkout.new", enabled=True, rules=[rule])

    inside = editor.post(f"{ADDRESS}/explain", {"context": {"country": "CH"}}).json()
    outside = editor.post(f"{ADDRESS}/explain", {"context": {"country": "DE"}}).json()

    assert (inside["evaluation"]["value"], inside["evaluation"]["reason"]) == (True, "TARGETING_MATCH")
    assert (outside["evaluation"]["value"], outside["evaluation"]["reason"]) == (False, "DEFAULT")
    [found] = [step for step in outside["steps"] if step["kind"] == "rule"]
    assert (found["name"], found["verdict"], found["parts"][0]["why"]) == ("Swiss", False, "country is DE")


@pytest.mark.django_db(transaction=True)
def test_explanation_of_a_draft__changes_nothing(editor: APIClient, make_flag: MakeFlag) -> None:
    make_flag("checkout.new")

    answer = editor.post(f"{ADDRESS}/explain", {"changes": {"enabled": True}}).json()

    assert answer["evaluation"]["value"] is True
    assert not Flag.objects.get().enabled


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"changes": {"enabled": 7}}, 404),
        ({"changes": []}, 400),
        ({"context": []}, 400),
        ({"context": {"a": {"b": [None, 10**18]}}}, 404),  # nothing is wrong but the name
        ({"draft": {}}, 400),
    ],
)
def test_explanation_of_nonsense_and_of_no_flag__is_refused(
    editor: APIClient, body: dict[str, Any], status: int
) -> None:
    assert editor.post(f"{ADDRESS}/explain", body).status_code == status
