"""The list of flags: its switches, what it shows at a glance, and what it does to many at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from flags.models import Flag, FlagChange, FlagSet, NamespaceGrant, PlannedChange
from flags.services import archive_flag, plan_change
from flags.tests.conftest import NOBODY

MakeUser = Callable[..., User]
MakeFlag = Callable[..., Flag]
LIST = "admin:flags_flag_changelist"
pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(make_user: MakeUser) -> User:
    return make_user(groups=["flag-editors"], is_staff=True, email="editor@example.com")


@pytest.fixture
def browser(editor: User) -> Client:
    client = Client()
    client.force_login(editor)
    return client


@pytest.fixture
def onlooker(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


def toggle(client: Client, flag: Flag, **form: str) -> tuple[int, dict[str, object]]:
    response = client.post(reverse("admin:flags_flag_toggle", args=[flag.pk]), form)
    return response.status_code, response.json()


def shown(client: Client, **query: str) -> str:
    return client.get(reverse(LIST), query).content.decode()


def test_list__shows_flag_switch_and_last_change(browser: Client, make_flag: MakeFlag) -> None:
    make_flag("checkout.new_flow", description="One page", enabled=True)

    page = shown(browser)

    assert "checkout.new_flow" in page
    assert 'role="switch"' in page
    assert 'aria-checked="true"' in page
    assert "One page" in page
    assert "just now by command" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "100 % on"),
        ({"rules": [{"id": "a", "percent": 12.5}]}, "12.5 % on, 87.5 % off"),
        (
            {"rules": [{"id": "s", "constraints": [{"field": "country", "operator": "IN", "values": ["AT"]}]}]},
            "100 % off, 1 rule before",
        ),
        (
            {
                "type": "string",
                "variants": [{"key": "a", "value": "A"}, {"key": "b", "value": "B"}],
                "on_variant": "",
                "on_split": [{"variant": "a", "weight": 3}, {"variant": "b", "weight": 1}],
                "off_variant": "a",
                "fallthrough_variant": "a",
            },
            "75 % a, 25 % b",
        ),
    ],
)
def test_rollout_bar__says_who_gets_what(
    browser: Client, make_flag: MakeFlag, fields: dict[str, object], said: str
) -> None:
    make_flag("a.one", enabled=True, **fields)

    assert f'aria-label="{said}"' in shown(browser)


def test_list__marks_what_is_protected_guarded_rolling_and_planned(browser: Client, make_flag: MakeFlag) -> None:
    make_flag("a.one", enabled=True, guard=["CheckoutErrors"], rules=[{"id": "r", "percent": 10.0}])
    make_flag("a.two", protected=True)
    plan_change(key="a.two", patch={"enabled": True}, run_at=timezone.now(), author=None, reason="sale")

    page = shown(browser)

    for text in ("CheckoutErrors", "rolling out", ">protected<", "waits for approval"):
        assert text in page


def test_flags_that_may_go__are_marked_counted_found_and_listed_with_their_reason(
    browser: Client, make_flag: MakeFlag
) -> None:
    make_flag("a.old", review_at=timezone.now() - timedelta(days=1), owner="Team A")
    make_flag("a.young")

    everything, found = shown(browser), shown(browser, sign="stale")
    listed = browser.get(reverse("admin:flags_flag_stale")).content.decode()

    assert "1 flag may go" in everything
    assert everything.count(">may go<") == 1
    assert "a.old" in found
    assert "a.young" not in found
    for text in ("a.old", "Team A", "Its review is due", "Archive…"):
        assert text in listed
    assert "a.young" not in listed


def test_list_of_many_flags__costs_a_fixed_number_of_queries(
    browser: Client, make_flag: MakeFlag, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for number in range(30):
        make_flag(f"a.n{number}", rules=[{"id": "r", "percent": 10.0}])

    with django_assert_max_num_queries(22):
        shown(browser)


def test_list__leaves_archived_flags_out_until_asked(browser: Client, make_flag: MakeFlag) -> None:
    make_flag("old.one")
    archive_flag(key="old.one", at=timezone.now(), **NOBODY)

    assert "old.one" not in shown(browser)
    assert "old.one" in shown(browser, archive="archived")


@pytest.mark.parametrize(
    "query", [{"q": "bask"}, {"q": "q4"}, {"tag": "q4"}, {"sign": "guarded"}, {"enabled__exact": "1"}]
)
def test_search_and_filters__find_the_one(browser: Client, make_flag: MakeFlag, query: dict[str, str]) -> None:
    make_flag("a.one", description="The basket", tags=["q4"], guard=["Alert"], enabled=True)
    make_flag("a.other")

    page = shown(browser, **query)

    assert "a.one" in page
    assert "a.other" not in page


def test_list_without_flags__says_what_a_flag_is_and_how_to_make_one(browser: Client) -> None:
    assert "Make the first flag" in shown(browser)
    assert "Make the first flag" not in shown(browser, q="nothing")


def test_switch__turns_the_flag_and_says_who_did(browser: Client, make_flag: MakeFlag, editor: User) -> None:
    flag = make_flag("shop.open")

    status, answer = toggle(browser, flag, enabled="true")

    assert status == 200
    assert answer["enabled"] is True
    assert "editor@example.com" in str(answer["changed"])
    assert "100 % on" in str(answer["bar"])
    change = FlagChange.objects.get(before__isnull=False)
    assert (change.actor, change.source) == (editor, "admin")


def test_switch_of_a_protected_flag__demands_a_reason_and_waits_for_a_second_person(
    browser: Client, make_flag: MakeFlag
) -> None:
    flag = make_flag("shop.open", protected=True)

    silent, answer = toggle(browser, flag, enabled="true")
    said, waiting = toggle(browser, flag, enabled="true", reason="sale starts")

    assert (silent, said) == (400, 200)
    assert "give a reason" in str(answer["detail"])
    assert waiting["enabled"] is False
    assert "another person" in str(waiting["note"])
    assert PlannedChange.objects.get().reason == "sale starts"


def test_switch_of_a_protected_flag__turns_it_off_at_once(browser: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("shop.open", protected=True, enabled=True)

    status, answer = toggle(browser, flag, enabled="false", reason="it burns")

    assert (status, answer["enabled"], answer["note"]) == (200, False, "")


@pytest.mark.parametrize(
    "form",
    [
        {"enabled": ""},
        {"enabled": "1"},
        {"enabled": "maybe"},
        {"enabled": "true", "reason": "\0"},
        {"enabled": "true", "reason": "x" * 201},
    ],
)
def test_switch_with_nonsense__is_refused(browser: Client, make_flag: MakeFlag, form: dict[str, str]) -> None:
    flag = make_flag("shop.open")

    assert toggle(browser, flag, **form)[0] == 400

    assert FlagSet.objects.get().version == 1


def test_switch_by_somebody_who_may_only_look__is_refused(onlooker: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("shop.open")

    assert "disabled" in shown(onlooker).split('role="switch"')[1].split(">")[0]
    assert toggle(onlooker, flag, enabled="true")[0] == 403

    assert not Flag.objects.get().enabled


def test_switch_by_somebody_with_a_namespace__works_inside_it_only(make_user: MakeUser, make_flag: MakeFlag) -> None:
    user = make_user(groups=["merchants"], is_staff=True)
    NamespaceGrant.objects.create(group=user.groups.get(), namespace="home")
    client = Client()
    client.force_login(user)

    inside, outside = make_flag("home.banner"), make_flag("homes.banner")

    assert "home.banner" in shown(client)
    assert toggle(client, inside, enabled="true")[0] == 200
    assert toggle(client, outside, enabled="true")[0] == 403


def test_switch_without_a_csrf_token__is_refused(editor: User, make_flag: MakeFlag) -> None:
    flag = make_flag("shop.open")
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor)

    response = client.post(reverse("admin:flags_flag_toggle", args=[flag.pk]), {"enabled": "true"})

    assert response.status_code == 403
    assert not Flag.objects.get().enabled


def test_switch_by_a_link__is_refused(browser: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("shop.open")

    assert browser.get(reverse("admin:flags_flag_toggle", args=[flag.pk])).status_code == 405


def turn_off(client: Client, *flags: Flag, reason: str = "") -> str:
    form = {"action": "turn_off", "_selected_action": [flag.pk for flag in flags], "reason": reason}
    return client.post(reverse(LIST), form, follow=True).content.decode()


def test_bulk_off__turns_off_what_is_on_with_one_reason(browser: Client, make_flag: MakeFlag) -> None:
    flags = [make_flag(f"a.n{number}", enabled=number < 2) for number in range(3)]

    page = turn_off(browser, *flags, reason="incident")

    assert "2 turned off." in page
    assert not Flag.objects.filter(enabled=True).exists()
    assert set(FlagChange.objects.filter(before__isnull=False).values_list("reason", flat=True)) == {"incident"}


def test_bulk_off_of_a_protected_flag_without_a_reason__says_so_and_turns_nothing_off(
    browser: Client, make_flag: MakeFlag
) -> None:
    page = turn_off(browser, make_flag("a.one", enabled=True, protected=True), make_flag("a.two", enabled=True))

    assert "Nothing is turned off" in page
    assert Flag.objects.filter(enabled=True).count() == 2


def test_archived_long_ago__has_no_switch(browser: Client, make_flag: MakeFlag) -> None:
    make_flag("old.one")
    archive_flag(key="old.one", at=timezone.now() - timedelta(days=9), **NOBODY)

    assert 'role="switch"' not in shown(browser, archive="archived")
