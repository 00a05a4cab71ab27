"""The page of a flag: what it shows, and everything that it asks of the site."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from flags.hashing import position
from flags.models import CodeReference, Flag, FlagChange, FlagUsage, NamespaceGrant, PlannedChange
from flags.services import archive_flag, change_flag
from flags.tests.conftest import NOBODY

MakeUser = Callable[..., User]
MakeFlag = Callable[..., Flag]
pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(make_user: MakeUser) -> User:
    return make_user(groups=["flag-editors"], is_staff=True, email="editor@example.com")


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    def sign(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign


@pytest.fixture
def browser(editor: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(editor)


@pytest.fixture
def second(make_user: MakeUser, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(make_user(groups=["flag-editors"], is_staff=True, email="second@example.com"))


def page(client: Client, flag: Flag) -> str:
    return client.get(reverse("admin:flags_flag_change", args=[flag.pk])).content.decode()


def ask(client: Client, act: str, *where: object, **body: object) -> tuple[int, dict[str, Any]]:
    response = client.post(reverse(f"admin:flags_{act}", args=where), body, content_type="application/json")
    return response.status_code, response.json()


def save(client: Client, flag: Flag, **patch: object) -> tuple[int, dict[str, Any]]:
    flag.refresh_from_db()
    return ask(client, "flag_save", flag.pk, patch=patch, version=flag.version, reason="because")


def test_page__shows_state_history_use_and_no_way_to_delete(browser: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("a.one", description="One page")
    save(browser, flag, enabled=True)
    CodeReference.objects.create(key="a.one", path="a/b.py", line=7, text="is_enabled('a.one')", seen_at=timezone.now())
    FlagUsage.objects.create(
        flag=flag, day=timezone.now().date(), variant="on", reason="STATIC", count=1234, last_seen_at=timezone.now()
    )

    shown = page(browser, flag)

    for text in ("One page", "editor@example.com (admin)", "<del>off</del>", "<ins>on</ins>", "a/b.py:7", "1234"):
        assert text in shown
    assert browser.post(reverse("admin:flags_flag_delete", args=[flag.pk])).status_code == 403


def test_saved_edit__goes_through_the_service_with_its_reason(
    browser: Client, make_flag: MakeFlag, editor: User
) -> None:
    flag = make_flag("a.one")

    status, answer = save(browser, flag, description="after", rules=[{"id": "r", "percent": 25.0}])

    assert (status, answer["version"], answer["flag"]["rules"][0]["percent"]) == (200, 2, 25.0)
    change = FlagChange.objects.get(before__isnull=False)
    assert (change.actor, change.reason, change.after["description"]) == (editor, "because", "after")


@pytest.mark.parametrize(
    ("patch", "place"),
    [
        ({"rules": [{"id": "r", "percent": 101.0}]}, "rules[0].percent"),
        ({"rules": [{"id": "r", "variant": "blue"}]}, "rules[0].variant"),
        (
            {"rules": [{"id": "r", "constraints": [{"field": "x", "operator": "REGEX", "values": ["("]}]}]},
            "rules[0].constraints[0]",
        ),
        ({"prerequisites": [{"flag": "no.such"}]}, "prerequisites[0]"),
    ],
)
def test_edit_with_an_error__is_refused_and_told_where(
    browser: Client, make_flag: MakeFlag, patch: dict[str, object], place: str
) -> None:
    flag = make_flag("a.one")

    status, answer = save(browser, flag, **patch)

    assert status == 400
    assert answer["errors"][0]["place"].startswith(place)
    assert answer["errors"][0]["message"]
    assert Flag.objects.get().version == 1


def test_edit_of_what_somebody_else_changed__says_who_did_what_and_saves_nothing(
    browser: Client, second: Client, make_flag: MakeFlag
) -> None:
    flag = make_flag("a.one")
    save(second, flag, description="theirs")
    save(second, flag, owner="them")

    status, answer = ask(browser, "flag_save", flag.pk, patch={"description": "mine"}, version=1)

    assert status == 412
    conflict = answer["conflict"]
    assert conflict["who"] == "second@example.com"
    assert conflict["what"] == ["description: nothing → theirs", "owner: nothing → them"]
    assert (conflict["version"], conflict["flag"]["description"]) == (3, "theirs")
    assert Flag.objects.get().description == "theirs"


def test_edit_of_a_protected_flag__becomes_a_plan(browser: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("a.one", protected=True)

    status, answer = save(browser, flag, rules=[{"id": "r", "percent": 25.0}])

    assert status == 200
    assert "another person" in answer["note"]
    assert answer["flag"]["rules"] == []
    assert PlannedChange.objects.get().reason == "because"


@pytest.mark.parametrize("act", ["save", "plan", "ramp"])
def test_write_by_somebody_who_may_only_look__is_refused(
    operator: User, sign_in: Callable[[User], Client], make_flag: MakeFlag, act: str
) -> None:
    flag = make_flag("a.one")
    client = sign_in(operator)
    body = {"patch": {"description": "x"}, "version": 1, "at": "2030-01-01T00:00:00Z", "steps": []}

    response = client.post(reverse(f"admin:flags_flag_{act}", args=[flag.pk]), body, content_type="application/json")

    assert response.status_code == 403
    assert "a.one" in page(client, flag)
    assert Flag.objects.get().version == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"patch": 1, "version": 1}', b'{"patch": {"no": 1}, "version": 1}']
)
def test_nonsense__is_refused(browser: Client, make_flag: MakeFlag, body: bytes) -> None:
    flag = make_flag("a.one")

    address = reverse("admin:flags_flag_save", args=[flag.pk])
    response = browser.post(address, body, content_type="application/json")

    assert response.status_code == 400
    assert response.json()["detail"]


def test_new_flag__is_made_with_all_that_was_entered(browser: Client, editor: User) -> None:
    patch = {"key": "a.new", "type": "string", "variants": [{"key": "x", "value": "X"}], "on_variant": "x"}

    assert browser.get(reverse("admin:flags_flag_add")).status_code == 200
    status, answer = ask(browser, "flag_create", patch={**patch, "off_variant": "", "fallthrough_variant": "x"})

    assert status == 200, answer
    flag = Flag.objects.get()
    assert answer["next"] == reverse("admin:flags_flag_change", args=[flag.pk])
    assert (flag.key, flag.enabled, flag.changes.get().actor) == ("a.new", False, editor)


@pytest.mark.parametrize("key", ["", "a b", "a.taken"])
def test_new_flag_of_a_bad_or_taken_name__is_refused_beside_the_name(
    browser: Client, make_flag: MakeFlag, key: str
) -> None:
    make_flag("a.taken")

    status, answer = ask(browser, "flag_create", patch={"key": key})

    assert status in {400, 409}
    assert [error["place"] for error in answer["errors"]] == ["key"]
    assert Flag.objects.count() == 1


def test_somebody_with_a_namespace__makes_and_changes_flags_inside_it_only(
    make_user: MakeUser, sign_in: Callable[[User], Client], make_flag: MakeFlag
) -> None:
    user = make_user(groups=["merchants"], is_staff=True)
    NamespaceGrant.objects.create(group=user.groups.get(), namespace="home")
    client, foreign = sign_in(user), make_flag("cart.new")

    assert ask(client, "flag_create", patch={"key": "cart.own"})[0] == 400
    assert ask(client, "flag_create", patch={"key": "home.own"})[0] == 200
    assert save(client, Flag.objects.get(key="home.own"), description="mine")[0] == 200
    response = client.post(
        reverse("admin:flags_flag_save", args=[foreign.pk]), {"patch": {}}, content_type="application/json"
    )
    assert response.status_code == 403


def test_preview__counts_customers_as_the_rollout_will_and_saves_nothing(
    browser: Client, make_user: MakeUser, make_flag: MakeFlag
) -> None:
    flag, people = make_flag("a.one"), [make_user() for _ in range(30)]
    expected = [user.email for user in people if position("a.one", str(user.public_id)) < 40_000]

    _, answer = ask(browser, "flag_preview", flag.pk, flag={"rules": [{"id": "r", "percent": 40.0}]})

    on = answer["parts"][0]
    assert (answer["people"], answer["enabled"], on["count"]) == (30, False, len(expected))
    assert on["examples"] == expected[::-1][:3]
    assert answer["moved"] == 30 - len(expected)
    assert Flag.objects.get().version == 1


def test_preview_of_what_is_wrong__says_where(browser: Client, make_flag: MakeFlag) -> None:
    status, answer = ask(browser, "flag_preview", make_flag("a.one").pk, flag={"rules": [{"id": "r", "percent": -1.0}]})

    assert (status, answer["errors"][0]["place"]) == (400, "rules[0].percent")


def test_preview__counts_no_answers(browser: Client, user: User, make_flag: MakeFlag) -> None:
    flag = make_flag("a.previewed")

    ask(browser, "flag_preview", flag.pk, flag={"rules": [{"id": "r", "percent": 40.0}]})

    from prometheus_client import REGISTRY

    assert not [
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.labels.get("flag") == "a.previewed" and sample.value
    ]


@pytest.mark.parametrize(
    ("asked", "variant"),
    [
        ({"who": "one@shop.example"}, "on"),
        ({"who": "two@other.example"}, "off"),
        ({"who": "two@other.example", "more": ["emailDomain: shop.example"]}, "on"),
        ({"who": ""}, "off"),
        ({"who": "somebody"}, "off"),
    ],
)
def test_explanation__says_what_somebody_gets_and_why(
    browser: Client, make_user: MakeUser, make_flag: MakeFlag, asked: dict[str, Any], variant: str
) -> None:
    make_user(email="one@shop.example")
    make_user(email="two@other.example")
    rule = {"id": "r", "constraints": [{"field": "emailDomain", "operator": "IN", "values": ["shop.example"]}]}
    flag = make_flag("a.one", enabled=True)

    status, answer = ask(browser, "flag_explain", flag.pk, flag={"rules": [rule]}, **asked)

    assert (status, answer["variant"]) == (200, variant)
    assert answer["reason"] == ("a rule fits." if variant == "on" else "no rule fits.")
    steps = [(step["text"], step["verdict"]) for step in answer["steps"]]
    assert steps[0] == ("Switch", "yes")
    assert steps[1][1] == ("yes" if variant == "on" else "no")
    assert "emailDomain is one of shop.example" in steps[1][0]


@pytest.mark.parametrize("body", [{"who": "nobody@shop.example"}, {"more": ["no colon"]}])
def test_explanation_for_nobody_known__says_so(browser: Client, make_flag: MakeFlag, body: dict[str, Any]) -> None:
    status, answer = ask(browser, "flag_explain", make_flag("a.one").pk, flag={}, **body)

    assert status == 400
    assert answer["detail"]


def test_revert__brings_back_what_was_before(browser: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("a.one", rules=[{"id": "r", "percent": 5.0}])
    save(browser, flag, rules=[{"id": "r", "percent": 50.0}])
    change = flag.changes.first()
    assert change

    status, answer = ask(browser, "flag_revert", flag.pk, change.set_version)

    assert (status, answer["note"], answer["flag"]["rules"][0]["percent"]) == (200, "Reverted.", 5.0)
    assert ask(browser, "flag_revert", flag.pk, change.set_version)[0] == 404  # it is so already


def test_plan__waits_for_its_moment(browser: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("a.one")
    at = (timezone.now() + timedelta(hours=3)).isoformat()

    status, answer = ask(browser, "flag_plan", flag.pk, patch={"enabled": True}, version=1, at=at, reason="launch")

    assert (status, answer["note"]) == (200, "Planned.")
    shown = page(browser, flag)
    assert "“launch”" in shown
    assert ask(browser, "flag_plan", flag.pk, patch={"enabled": True}, version=9, at=at)[0] == 412


def test_ramp__grows_the_share_of_everybody_step_by_step(browser: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("a.one", rules=[{"id": "all", "percent": 1.0}])
    moments = [(timezone.now() + timedelta(hours=hours)).isoformat() for hours in (1, 2)]

    status, _ = ask(browser, "flag_ramp", flag.pk, steps=[[10, moments[0]], [100, moments[1]]])

    assert status == 200
    patches = [plan.patch["rules"][0] for plan in PlannedChange.objects.order_by("run_at")]
    assert [(rule["id"], rule.get("percent", 100)) for rule in patches] == [("all", 10), ("all", 100)]
    assert "10 %" in page(browser, flag)


def test_plan_of_a_protected_flag__is_approved_by_a_second_person_and_done(
    browser: Client, second: Client, make_flag: MakeFlag
) -> None:
    flag = make_flag("a.one", protected=True)
    save(browser, flag, enabled=True)
    plan = PlannedChange.objects.get()

    own, refused = ask(browser, "plannedchange_approve", plan.pk)
    status, answer = ask(second, "plannedchange_approve", plan.pk)

    assert own == 403
    assert "themselves" in refused["detail"]
    assert (status, answer["note"], answer["flag"]["enabled"]) == (200, "Approved, and done.", True)


def test_approval_button__is_there_for_the_second_person_only(
    browser: Client, second: Client, make_flag: MakeFlag
) -> None:
    flag = make_flag("a.one", protected=True)
    save(browser, flag, enabled=True)

    assert "Approve…" not in page(browser, flag)
    assert "Approve…" in page(second, flag)


def test_plan_called_off__stays_as_cancelled(browser: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("a.one", protected=True)
    save(browser, flag, enabled=True)

    status, _ = ask(browser, "plannedchange_cancel", PlannedChange.objects.get().pk, reason="too early")

    assert status == 200
    assert PlannedChange.objects.get().state == "cancelled"
    assert "too early" in page(browser, flag)


def test_plans_of_all_flags__lead_to_their_flag(browser: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("a.one", protected=True)
    save(browser, flag, enabled=True)
    plan = PlannedChange.objects.get()

    assert "turn on" in browser.get(reverse("admin:flags_plannedchange_changelist")).content.decode()
    response = browser.get(reverse("admin:flags_plannedchange_change", args=[plan.pk]))
    assert response.headers["Location"] == f"{reverse('admin:flags_flag_change', args=[flag.pk])}#planned"


def test_archive_and_restore__record_their_reason(browser: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("a.one", enabled=True)

    ask(browser, "flag_put_away", flag.pk, reason="done with it")
    flag.refresh_from_db()
    archived_at = flag.archived_at
    ask(browser, "flag_put_away", flag.pk, reason="not yet")

    flag.refresh_from_db()
    assert archived_at
    assert (flag.enabled, flag.archived_at) == (False, None)
    assert [change.reason for change in flag.changes.all()] == ["not yet", "done with it", ""]


def test_archived_flag__can_only_be_looked_at_and_restored(browser: Client, make_flag: MakeFlag) -> None:
    flag = make_flag("a.one")
    archive_flag(key="a.one", at=timezone.now(), **NOBODY)

    shown = page(browser, flag)

    assert "Restore…" in shown
    assert '"mayChange": false' in shown


def test_history__is_short_until_asked(browser: Client, make_flag: MakeFlag, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flags.admin.history.SHOWN", 2)
    monkeypatch.setattr("flags.admin.page.SHOWN", 2)
    flag = make_flag("a.one")
    for number in range(3):
        change_flag(key="a.one", patch={"description": f"number {number}"}, **NOBODY)

    short = page(browser, flag)
    whole = browser.get(reverse("admin:flags_flag_change", args=[flag.pk]), {"everything": ""}).content.decode()

    assert "Show everything" in short
    assert "made" not in short.split('id="flag-history"')[1].split("panel-use")[0]
    assert "Show everything" not in whole


def test_page_of_no_flag__is_not_found(browser: Client) -> None:
    assert browser.get(reverse("admin:flags_flag_change", args=[99])).status_code == 404
