"""The protocol's two addresses, against what version 0.3 says of them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from accounts.services import issue_token
from flags import mirror
from flags.current import current
from flags.document import Document, FlagState
from flags.ofrep.throttle import PerCaller
from flags.tests.ofrep_contract import BULK, FAILURE, NOT_FOUND, PUBLISHED_SUCCESS, REFUSAL, SUCCESS, check, fits

pytestmark = pytest.mark.django_db

ADDRESS = "/ofrep/v1/evaluate/flags"
EVERY_TYPE: dict[str, Any] = {
    "a.boolean": {"enabled": True},
    "a.text": {"type": "string", "enabled": True, "on_variant": "red", "variants": [{"key": "red", "value": "#f00"}]},
    "a.whole": {"type": "number", "enabled": True, "on_variant": "few", "variants": [{"key": "few", "value": 3}]},
    "a.part": {
        "type": "number",
        "enabled": True,
        "on_variant": "two",
        "variants": [{"key": "half", "value": 0.5}, {"key": "two", "value": 2}],
    },
    "a.object": {
        "type": "object",
        "enabled": True,
        "on_variant": "big",
        "variants": [{"key": "big", "value": {"size": 2, "of": ["a"]}}],
    },
}
QUARTER = {"enabled": True, "rules": [{"id": "r1", "percent": 25}]}

Serve = Callable[..., None]
Ask = Callable[..., Any]


@pytest.fixture
def serve() -> Serve:
    """Flags as Redis has them: serve({"a.b": {"enabled": True}})."""

    def publish(flags: dict[str, Any], version: int = 1) -> None:
        states = {
            key: msgspec.convert({"version": 1, "client_visible": True, **unsaid(fields), **fields}, FlagState)
            for key, fields in flags.items()
        }
        mirror.write(Document(version, states))
        current.look_now()

    return publish


def unsaid(fields: dict[str, Any]) -> dict[str, str]:
    """Only booleans have an off value of their own."""
    return {"off_variant": "", "fallthrough_variant": ""} if "type" in fields else {}


@pytest.fixture
def ask(user: User) -> Ask:
    """As a shop front's program."""
    _, token = issue_token(user=user, name="shop")

    def post(path: str = "", body: Any = None, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        signed = {
            "Authorization": f"Bearer {token}",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        return Client().post(f"{ADDRESS}{path}", content, content_type="application/json", headers=signed)

    return post


@pytest.fixture(autouse=True)
def _nobody_asked() -> Iterator[None]:
    PerCaller.windows.clear()
    yield
    PerCaller.windows.clear()


def about(subject: str = "u1", **fields: Any) -> dict[str, Any]:
    return {"context": {"targetingKey": subject, **fields}}


@pytest.mark.parametrize(
    ("key", "variant", "value"),
    [
        ("a.boolean", "on", "true"),
        ("a.text", "red", '"#f00"'),
        ("a.whole", "few", "3"),
        ("a.part", "two", "2.0"),
        ("a.object", "big", '{"of":["a"],"size":2}'),
    ],
)
def test_value_of_each_type__is_written_as_that_type(
    serve: Serve, ask: Ask, key: str, variant: str, value: str
) -> None:
    serve(EVERY_TYPE)

    answer = ask(f"/{key}")

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    check(answer.json(), SUCCESS)
    assert f'"value":{value},"reason":"STATIC","variant":"{variant}"' in answer.content.decode()
    assert answer.json()["metadata"] == {"flagVersion": 1, "setVersion": 1, "stale": False}


def test_rule__decides_by_the_context_that_was_sent(serve: Serve, ask: Ask) -> None:
    rule = {"id": "r1", "constraints": [{"field": "country", "operator": "IN", "values": ["CH"]}], "variant": "on"}
    serve({"a.b": {"enabled": True, "rules": [rule]}})

    here, elsewhere = ask("/a.b", about(country="CH")).json(), ask("/a.b", about(country="DE")).json()

    assert (here["value"], here["reason"], here["metadata"]["rule"]) == (True, "TARGETING_MATCH", "r1")
    assert (elsewhere["value"], elsewhere["reason"], elsewhere["variant"]) == (False, "DEFAULT", "off")


def test_flag_that_is_off__says_its_off_value(serve: Serve, ask: Ask) -> None:
    serve({"a.b": {"enabled": False}})

    answer = ask("/a.b").json()

    assert (answer["value"], answer["reason"], answer["variant"]) == (False, "DISABLED", "off")


def test_flag_that_is_off_without_an_off_variant__leaves_it_to_the_code(serve: Serve, ask: Ask) -> None:
    serve({"a.text": {**EVERY_TYPE["a.text"], "enabled": False}})

    answer = ask("/a.text").json()

    check(answer, SUCCESS)
    assert "value" not in answer
    assert (answer["reason"], answer["variant"]) == ("DISABLED", "")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"context": {}}', b'{"context": null}', b'{"context": {"plan": 1}}'])
def test_share_without_a_key__needs_one(serve: Serve, ask: Ask, body: bytes) -> None:
    serve({"a.b": QUARTER, "a.boolean": EVERY_TYPE["a.boolean"]})

    drawn, plain = ask("/a.b", body), ask("/a.boolean", body)

    assert (drawn.status_code, drawn.json()["errorCode"]) == (400, "TARGETING_KEY_MISSING")
    check(drawn.json(), FAILURE)
    assert plain.status_code == 200


@pytest.mark.parametrize("key", ["no.such", "hidden", "a b", "a/b", "%F0%9F%98%80", "x" * 5000])
def test_flag_that_is_not_there_or_not_for_clients__is_not_found(serve: Serve, ask: Ask, key: str) -> None:
    serve({"hidden": {"enabled": True, "client_visible": False}})

    answer = ask(f"/{key}")

    assert answer.status_code == 404
    check(answer.json(), NOT_FOUND)
    assert answer.json()["errorDetails"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "PARSE_ERROR"),
        (b"[1]", "PARSE_ERROR"),
        (b'"text"', "PARSE_ERROR"),
        (b'{"context": {"a": NaN}}', "PARSE_ERROR"),
        (b'{"context": {"a": "\\u0000"}}', "PARSE_ERROR"),
        (b'{"context": []}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": 7}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": {}}}', "INVALID_CONTEXT"),
    ],
)
@pytest.mark.parametrize("path", ["", "/a.b"])
def test_body_that_is_wrong__is_refused_with_its_code(
    serve: Serve, ask: Ask, path: str, body: bytes, code: str
) -> None:
    serve({"a.b": QUARTER})

    answer = ask(path, body)

    assert (answer.status_code, answer.json()["errorCode"]) == (400, code)
    check(answer.json(), REFUSAL)


ODD = [{}, [], [[1]], 10**400, -1.5e308, True, "\ud7ff", "x" * 100_000, {"a": {"b": [None]}}]


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("operator", ["IN", "STR_CONTAINS", "NUM_GT", "DATE_AFTER", "SEMVER_EQ", "REGEX", "IN_CIDR"])
def test_odd_field__is_a_no_and_never_a_failure(serve: Serve, ask: Ask, operator: str, value: Any) -> None:
    constraint = {"field": "f", "operator": operator, "values": ["1"]}
    serve({"a.b": {"enabled": True, "rules": [{"id": "r1", "constraints": [constraint]}]}})

    answer = ask("/a.b", about(f=value, currentTime=value, remoteAddress=value))

    assert answer.status_code in {200, 400}
    assert answer.status_code == (400 if isinstance(value, int) and value > 1 else 200)  # such numbers JSON may refuse


@pytest.mark.parametrize("path", ["", "/a.b"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"X-API-Key": "wrong"}, 401),
    ],
)
def test_caller_without_a_token__is_refused(serve: Serve, path: str, headers: dict[str, str], status: int) -> None:
    serve({"a.b": {}})

    answer = Client().post(f"{ADDRESS}{path}", b"{}", content_type="application/json", headers=headers)

    assert answer.status_code == status
    assert answer["WWW-Authenticate"] == "Bearer"
    check(answer.json(), REFUSAL)


def test_other_ways_to_sign_in__are_an_api_key_and_a_session(serve: Serve, user: User, superuser: User) -> None:
    serve({"a.b": {"enabled": True, "client_visible": False}, "a.c": {"enabled": True}})
    _, token = issue_token(user=superuser, name="server")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)

    by_key = Client().post(ADDRESS, b"{}", content_type="application/json", headers={"X-API-Key": token})
    by_session = browser.post(ADDRESS, b"{}", content_type="application/json")

    assert [flag["key"] for flag in by_key.json()["flags"]] == ["a.b", "a.c"]
    assert [flag["key"] for flag in by_session.json()["flags"]] == ["a.c"]


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


def test_request_after_an_event__is_not_answered_from_older_flags(serve: Serve, ask: Ask) -> None:
    serve({"a.b": {"enabled": False}})
    ask()
    mirror.write(Document(2, {"a.b": FlagState(version=2, enabled=True, client_visible=True)}))

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


def test_too_many_requests__wait_as_long_as_they_are_told(serve: Serve, ask: Ask, settings: Settings) -> None:
    settings.OFREP_REQUESTS_PER_MINUTE = 1
    serve({"a.b": {}})

    first, second = ask(), ask()

    assert (first.status_code, second.status_code, second.json()["errorCode"]) == (200, 429, "GENERAL")
    assert 1 <= int(second["Retry-After"]) <= 60


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_other_method__is_refused(ask: Ask, user: User, method: str) -> None:
    _, token = issue_token(user=user, name="shop")

    answer = getattr(Client(), method)(ADDRESS, headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")


def test_schema_as_it_is_published__refuses_normal_answers(serve: Serve, ask: Ask) -> None:
    """The control: without the patches of the contract there is nothing to compare with."""
    serve(EVERY_TYPE)

    answers = [ask(f"/{key}").json() for key in EVERY_TYPE]

    assert not any(fits(answer, PUBLISHED_SUCCESS) for answer in answers)
    assert all(fits(answer, SUCCESS) for answer in answers)
