from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from flags.models import Flag, FlagChange, FlagSet
from flags.services import archive_flag
from flags.tests.conftest import NOBODY

MakeUser = Callable[..., User]
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


def test_list__shows_flag_switch_and_last_change(browser: Client, make_flag: Callable[..., Flag]) -> None:
    make_flag("checkout.new_flow", description="One page", enabled=True)

    page = browser.get(reverse(LIST)).content.decode()

    assert "checkout.new_flow" in page
    assert 'role="switch"' in page
    assert 'aria-checked="true"' in page
    assert "One page" in page
    assert "just now by command" in page


def test_list_of_many_flags__costs_a_fixed_number_of_queries(
    browser: Client, make_flag: Callable[..., Flag], django_assert_max_num_queries: Callable[..., object]
) -> None:
    for number in range(30):
        make_flag(f"a.n{number}")

    with django_assert_max_num_queries(12):
        browser.get(reverse(LIST))


def test_list__leaves_archived_flags_out_until_asked(browser: Client, make_flag: Callable[..., Flag]) -> None:
    make_flag("old.one")
    archive_flag(key="old.one", at=timezone.now(), **NOBODY)

    assert "old.one" not in browser.get(reverse(LIST)).content.decode()
    assert "old.one" in browser.get(reverse(LIST), {"archive": "archived"}).content.decode()


def test_switch__turns_the_flag_and_says_who_did(browser: Client, make_flag: Callable[..., Flag], editor: User) -> None:
    flag = make_flag("shop.open")

    status, answer = toggle(browser, flag, enabled="true")

    assert status == 200
    assert answer["enabled"] is True
    assert "editor@example.com" in str(answer["changed"])
    change = FlagChange.objects.get(before__isnull=False)
    assert (change.actor, change.source) == (editor, "admin")


def test_switch_of_a_protected_flag__demands_a_reason(browser: Client, make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("shop.open", protected=True)

    silent, answer = toggle(browser, flag, enabled="true")
    said, _ = toggle(browser, flag, enabled="true", reason="sale starts")

    assert (silent, said) == (400, 200)
    assert "give a reason" in str(answer["detail"])
    assert FlagChange.objects.get(before__isnull=False).reason == "sale starts"


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
def test_switch_with_nonsense__is_refused(
    browser: Client, make_flag: Callable[..., Flag], form: dict[str, str]
) -> None:
    flag = make_flag("shop.open")

    assert toggle(browser, flag, **form)[0] == 400

    assert FlagSet.objects.get().version == 1


def test_switch_by_somebody_who_may_only_look__is_refused(onlooker: Client, make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("shop.open")

    assert "disabled" in onlooker.get(reverse(LIST)).content.decode().split('role="switch"')[1].split(">")[0]
    assert toggle(onlooker, flag, enabled="true")[0] == 403

    assert not Flag.objects.get().enabled


def test_switch_without_a_csrf_token__is_refused(editor: User, make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("shop.open")
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor)

    response = client.post(reverse("admin:flags_flag_toggle", args=[flag.pk]), {"enabled": "true"})

    assert response.status_code == 403
    assert not Flag.objects.get().enabled


def test_switch_by_a_link__is_refused(browser: Client, make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("shop.open")

    assert browser.get(reverse("admin:flags_flag_toggle", args=[flag.pk])).status_code == 405


def form(**fields: object) -> dict[str, object]:
    """What the browser sends from a flag's page."""
    formset = {"changes-TOTAL_FORMS": 0, "changes-INITIAL_FORMS": 0}
    return {"description": "", "kind": "release", "owner": "", "tags": "", "reason": "", **formset, **fields}


def test_new_flag__is_made_through_the_service(browser: Client, editor: User) -> None:
    response = browser.post(reverse("admin:flags_flag_add"), form(key="a.new", tags="q4,web", enabled="on"))

    assert response.status_code == 302, response.context["errors"]
    flag = Flag.objects.get()
    assert (flag.key, flag.tags, flag.enabled) == ("a.new", ["q4", "web"], True)
    assert flag.changes.get().actor == editor
    assert FlagSet.objects.get().version == 1


def test_new_flag_of_a_bad_or_taken_name__is_refused_in_the_form(
    browser: Client, make_flag: Callable[..., Flag]
) -> None:
    make_flag("a.taken")

    for key in ("a b", "a.taken"):
        assert browser.post(reverse("admin:flags_flag_add"), form(key=key)).status_code == 200

    assert Flag.objects.count() == 1


def test_saved_page__goes_through_the_service_with_its_reason(browser: Client, make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("a.one", description="before")

    response = browser.post(
        reverse("admin:flags_flag_change", args=[flag.pk]), form(description="after", enabled="on", reason="why not")
    )

    assert response.status_code == 302, response.context["errors"]
    change = FlagChange.objects.get(before__isnull=False)
    assert change.changed == {"description": ("before", "after"), "enabled": (False, True)}
    assert change.reason == "why not"


def test_page_saved_without_a_change__leaves_no_trace(browser: Client, make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("a.one")

    browser.post(reverse("admin:flags_flag_change", args=[flag.pk]), form())

    assert FlagSet.objects.get().version == 1


def test_page_of_a_protected_flag__demands_a_reason(browser: Client, make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("a.one", protected=True)

    response = browser.post(reverse("admin:flags_flag_change", args=[flag.pk]), form(protected="on", enabled="on"))

    assert "say why it is changed" in response.content.decode()
    assert not Flag.objects.get().enabled


def test_flag_archived_meanwhile__is_refused_with_a_message(
    browser: Client, make_flag: Callable[..., Flag], monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = make_flag("a.one")
    archive_flag(key="a.one", at=timezone.now(), **NOBODY)
    monkeypatch.setattr("flags.admin.forms.FlagForm.clean", lambda self: self.cleaned_data)

    response = browser.post(reverse("admin:flags_flag_change", args=[flag.pk]), form(enabled="on"), follow=True)

    assert "a.one is archived." in response.content.decode()


def test_page__shows_the_history_and_no_way_to_delete(browser: Client, make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("a.one")
    toggle(browser, flag, enabled="true")

    page = browser.get(reverse("admin:flags_flag_change", args=[flag.pk])).content.decode()

    assert "enabled off → on" in page
    assert "editor@example.com (admin)" in page
    assert browser.post(reverse("admin:flags_flag_delete", args=[flag.pk])).status_code == 403


def test_archive_and_restore__ask_for_a_reason_and_record_it(browser: Client, make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("a.one", enabled=True)
    asked = {"_form_submitted": "True", "reason": "done with it"}

    browser.post(reverse("admin:flags_flag_archive", args=[flag.pk]), asked)
    flag.refresh_from_db()
    archived_at, enabled = flag.archived_at, flag.enabled
    browser.post(reverse("admin:flags_flag_restore", args=[flag.pk]), asked)

    flag.refresh_from_db()
    assert archived_at
    assert (enabled, flag.archived_at) == (False, None)
    assert [change.reason for change in flag.changes.all()] == ["done with it", "done with it", ""]


def test_archiving_by_somebody_who_may_only_look__is_refused(onlooker: Client, make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("a.one")

    response = onlooker.post(reverse("admin:flags_flag_archive", args=[flag.pk]), {"_form_submitted": "True"})

    assert response.status_code == 403
    assert Flag.objects.get().archived_at is None
