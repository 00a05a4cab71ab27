"""The screens of segments, and of what groups may do."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import User
from flags.models import Flag, NamespaceGrant, Segment

MakeUser = Callable[..., User]
IN_SHOP = {"field": "emailDomain", "operator": "IN", "values": ["shop.example"]}
pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(make_user: MakeUser) -> Client:
    client = Client()
    client.force_login(make_user(groups=["flag-editors"], is_staff=True, email="editor@example.com"))
    return client


def ask(client: Client, act: str, *where: object, **body: object) -> tuple[int, dict[str, Any]]:
    response = client.post(reverse(f"admin:flags_segment_{act}", args=where), body, content_type="application/json")
    return response.status_code, response.json()


@pytest.fixture
def segment(browser: Client) -> Segment:
    assert ask(browser, "save_new", patch={"key": "in_shop", "constraints": [IN_SHOP]})[0] == 200
    return Segment.objects.get()


def page(client: Client, segment: Segment) -> str:
    return client.get(reverse("admin:flags_segment_change", args=[segment.pk])).content.decode()


def test_segment__is_shown_in_words_with_its_flags_and_history(
    browser: Client, segment: Segment, make_flag: Callable[..., Flag]
) -> None:
    make_flag("a.one", rules=[{"id": "r", "segments": ["in_shop"]}])

    listed = browser.get(reverse("admin:flags_segment_changelist")).content.decode()

    assert "emailDomain is one of shop.example" in listed
    assert "1 flag" in listed
    assert "a.one" in page(browser, segment)
    assert "editor@example.com (admin)" in page(browser, segment)


def test_members__are_counted_among_the_customers_as_it_is_edited(
    browser: Client, segment: Segment, make_user: MakeUser
) -> None:
    make_user(email="in@shop.example")
    make_user(email="out@other.example")

    _, answer = ask(browser, "members", segment.pk, flag={"constraints": [IN_SHOP]})

    assert [(part["text"], part["examples"]) for part in answer["parts"]] == [
        ("are in it", ["in@shop.example"]),
        ("are not", ["out@other.example"]),
    ]


def test_segment_with_an_error__is_refused_and_told_where(browser: Client, segment: Segment) -> None:
    bad = {"field": "x", "operator": "REGEX", "values": ["("]}

    status, answer = ask(browser, "members", segment.pk, flag={"constraints": [bad]})

    assert status == 400
    assert answer["errors"][0]["place"].startswith("constraints[0]")


def test_segment_that_somebody_else_changed__is_a_conflict(browser: Client, segment: Segment) -> None:
    seen = segment.updated_at.isoformat()
    first, _ = ask(browser, "save", segment.pk, patch={"description": "theirs"}, version=seen)

    status, answer = ask(browser, "save", segment.pk, patch={"description": "mine"}, version=seen)

    assert (first, status) == (200, 412)
    assert answer["conflict"]["who"] == "editor@example.com"
    assert "theirs" in answer["conflict"]["what"][0]


@pytest.mark.parametrize("key", ["", "a b", "in_shop"])
def test_new_segment_of_a_bad_or_taken_name__is_refused_beside_the_name(
    browser: Client, segment: Segment, key: str
) -> None:
    status, answer = ask(browser, "save_new", patch={"key": key})

    assert status in {400, 409}
    assert answer["errors"][0]["place"] == "key"


def test_segment_in_use__is_not_put_away(browser: Client, segment: Segment, make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("a.one", rules=[{"id": "r", "segments": ["in_shop"]}])

    status, answer = ask(browser, "remove", segment.pk)
    flag.rules.all().delete()
    unused, _ = ask(browser, "remove", segment.pk)

    assert (status, unused) == (409, 200)
    assert "a.one" in answer["detail"]


@pytest.mark.parametrize(("act", "status"), [("save", 403), ("remove", 403), ("members", 200)])
def test_somebody_who_may_only_look__looks(operator: User, segment: Segment, act: str, status: int) -> None:
    client = Client()
    client.force_login(operator)
    address = reverse(f"admin:flags_segment_{act}", args=[segment.pk])
    body = {"patch": {}, "flag": {"constraints": []}}

    assert "staff" not in page(client, segment)
    assert client.post(address, body, content_type="application/json").status_code == status


def test_grant_of_a_namespace__is_made_by_an_administrator_only(superuser: User, browser: Client) -> None:
    boss = Client()
    boss.force_login(superuser)
    form = {"group": Group.objects.get(name="merchants").pk, "namespace": "home", "may_approve": "on"}

    assert browser.post(reverse("admin:flags_namespacegrant_add"), form).status_code == 403
    assert boss.post(reverse("admin:flags_namespacegrant_add"), form).status_code == 302

    assert NamespaceGrant.objects.get().may_approve
