"""One flag by the protocol, against what version 0.3 says of it."""

from typing import Any

import pytest

from flags.tests.ofrep.samples import EVERY_TYPE, QUARTER, Ask, Serve, about
from flags.tests.ofrep_contract import FAILURE, NOT_FOUND, PUBLISHED_SUCCESS, REFUSAL, SUCCESS, check, fits

pytestmark = pytest.mark.django_db


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
        (b"null", "PARSE_ERROR"),
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


def test_schema_as_it_is_published__refuses_normal_answers(serve: Serve, ask: Ask) -> None:
    """The control: without the patches of the contract there is nothing to compare with."""
    serve(EVERY_TYPE)

    answers = [ask(f"/{key}").json() for key in EVERY_TYPE]

    assert not any(fits(answer, PUBLISHED_SUCCESS) for answer in answers)
    assert all(fits(answer, SUCCESS) for answer in answers)
