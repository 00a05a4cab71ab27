"""All flags by the protocol: their answers, ETags and freshness."""

import math

import pytest
from pytest_django import DjangoAssertNumQueries

from coupon_site import redis
from flags import mirror
from flags.current import current
from flags.document import Document, FlagState
from flags.tests.ofrep.samples import EVERY_TYPE, QUARTER, Ask, Serve, about
from flags.tests.ofrep_contract import BULK, check

pytestmark = pytest.mark.django_db


def test_all_flags__are_those_for_clients_each_with_its_answer_or_error(serve: Serve, ask: Ask) -> None:
    serve({**EVERY_TYPE, "b.share": QUARTER, "hidden": {"enabled": True, "client_visible": False}})

    answer = ask()

    body = answer.json()
    check(body, BULK)
    assert [flag["key"] for flag in body["flags"]] == [*sorted(EVERY_TYPE), "b.share"]
    assert body["flags"][-1]["errorCode"] == "TARGETING_KEY_MISSING"
    assert body["eventStreams"][0]["endpoint"]["requestUri"].startswith("/ofrep/v1/stream?ticket=")


def test_answer_that_is_known__is_304_until_a_flag_of_the_caller_changes(serve: Serve, ask: Ask) -> None:
    serve({"a.b": QUARTER, "hidden": {"client_visible": False}})
    etag = ask("", about())["ETag"]

    again = ask("", about(), If_None_Match=etag)
    serve({"a.b": QUARTER, "hidden": {"client_visible": False, "enabled": True}}, version=2)
    another = ask("", about(), If_None_Match=etag)
    serve({"a.b": {**QUARTER, "version": 2}}, version=3)
    changed = ask("", about(), If_None_Match=etag)

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert another.status_code == 304
    assert (changed.status_code, changed["ETag"] != etag) == (200, True)


@pytest.mark.parametrize("form", ["W/{}", '"other", {}', "*", '{},W/"x"'])
def test_every_form_of_if_none_match__is_understood(serve: Serve, ask: Ask, form: str) -> None:
    serve({"a.b": {}})
    etag = ask()["ETag"]

    assert ask("", None, If_None_Match=form.format(etag)).status_code == 304
    assert ask("", None, If_None_Match=form.replace("*", "-").format('"older"')).status_code == 200


def test_other_context__is_another_answer(serve: Serve, ask: Ask) -> None:
    serve({"a.b": {"enabled": True, "rules": [{"id": "r1", "percent": 50}]}})

    answers = {ask("", about(str(number)))["ETag"] for number in range(20)}

    assert len(answers) == 2


def test_request_after_an_event__is_not_answered_from_older_flags(
    serve: Serve, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve({"a.b": {"enabled": False}})
    ask()
    monkeypatch.setattr(current, "_due", math.inf)  # the next look of its own is far away
    # Written without the announcement, which a listener of another test may hear.
    newest = Document(2, {"a.b": FlagState(version=2, enabled=True, client_visible=True)})
    redis.client().mset({mirror.DOCUMENT: newest.encode(), mirror.VERSION: newest.version})

    before, after = ask(), ask("?flagConfigEtag=2&flagConfigLastModified=1771622898")

    assert (before.json()["flags"][0]["value"], after.json()["flags"][0]["value"]) == (False, True)


@pytest.mark.parametrize("etag", ["", "x", "-1", "9" * 30, "²", '"1"'])
def test_etag_of_no_event__changes_nothing(serve: Serve, ask: Ask, etag: str) -> None:
    serve({"a.b": {}})

    assert ask(f"?flagConfigEtag={etag}").status_code == 200


def test_evaluations__cost_no_statement(
    serve: Serve, ask: Ask, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    serve(EVERY_TYPE)
    ask()

    with django_assert_num_queries(0):
        assert ask("/a.boolean").status_code == 200
        assert ask("", about()).status_code == 200
