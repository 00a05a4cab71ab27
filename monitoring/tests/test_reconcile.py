"""`manage.py reconcile` and its REST door."""

import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from monitoring.queries import invariants

pytestmark = pytest.mark.django_db


@pytest.fixture
def _broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invariants, "APPS", {"orders": {"stock_agrees": lambda: 0, "money_agrees": lambda: 3}})


def run(*arguments: str) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("reconcile", *arguments, stdout=out, no_color=True)
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    return out.getvalue(), 0


def test_everything_holds__exits_0_with_a_line_for_each_app() -> None:
    text, status = run()

    assert status == 0
    assert {line.split()[1] for line in text.splitlines()[:-1]} == {
        "events:",
        "payments:",
        "orders:",
        "vouchers:",
        "cashback:",
    }
    assert text.splitlines()[-1] == f"All {len(text.splitlines()) - 1} invariants hold."


@pytest.mark.usefixtures("_broken")
def test_broken_invariant__exits_1_and_names_it() -> None:
    text, status = run()

    assert status == 1
    assert text.splitlines() == [
        "ok     orders: stock_agrees",
        "BROKEN orders: money_agrees, 3 rows",
        "1 of 2 invariants are broken: 3 rows.",
    ]


@pytest.mark.usefixtures("_broken")
def test_json__is_one_document() -> None:
    text, status = run("--json")

    assert status == 1
    assert json.loads(text) == {
        "ok": False,
        "invariants": [
            {"app": "orders", "invariant": "stock_agrees", "broken_rows": 0},
            {"app": "orders", "invariant": "money_agrees", "broken_rows": 3},
        ],
    }


@pytest.mark.usefixtures("_broken")
def test_operator__sees_the_findings_by_rest(api_of: Callable[[User], APIClient], operator: User) -> None:
    body = api_of(operator).get("/api/v1/reconciliation/").json()

    assert body["ok"] is False
    assert body["invariants"][1] == {"app": "orders", "invariant": "money_agrees", "broken_rows": 3}


def test_others__are_refused_by_rest(api: APIClient, api_of: Callable[[User], APIClient], user: User) -> None:
    assert api.get("/api/v1/reconciliation/").status_code == 401
    assert api_of(user).get("/api/v1/reconciliation/").status_code == 403


@pytest.mark.usefixtures("_broken")
def test_page__says_what_is_broken_first(superuser: User, client: Client) -> None:
    client.force_login(superuser)

    page = client.get("/admin/reconciliation/").content.decode()

    assert "1 of 2 invariants are broken." in page
    assert page.index("money agrees") < page.index("stock agrees")


def test_page_without_the_right__is_refused(operator: User, user: User, client: Client) -> None:
    client.force_login(user)

    assert client.get("/admin/reconciliation/").status_code == 302
