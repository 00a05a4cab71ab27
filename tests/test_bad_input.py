"""Whatever a client sends: a 4xx problem document that says what is wrong, never a 500."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.response import HttpResponseBase
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from accounts.models import User
from accounts.services import issue_token

METHODS = ("get", "post", "put", "patch", "delete")
# Pages and machine endpoints outside the description; the rest of the table is read from it.
OTHERS = [
    ("post", "/api/scan"),
    ("post", "/hooks/payments/sandbox"),
    ("post", "/stripe/webhook"),
    ("post", "/sandbox/charges"),
    ("post", "/sandbox/refunds"),
    ("post", "/monitoring/metrics/clear"),
]
DEEP = b"[" * 100_000
BODIES: dict[str, bytes] = {
    "no body": b"",
    "invalid JSON": b'{"lines": ',
    "not an object": b"[1, 2]",
    "null": b"null",
    "a string": b'"text"',
    "NUL byte": b'{"reason": "a\x00b"}',
    "escaped NUL": b'{"reason": "a\\u0000b", "code": "\\u0000"}',
    "lone surrogate": b'{"reason": "\\ud800"}',
    "not UTF-8": b'{"reason": "\xff\xfe"}',
    "deep nesting": DEEP,
    "NaN": b'{"quantity": NaN}',
    "endless number": b'{"quantity": ' + b"9" * 5000 + b"}",
    "unknown field": b'{"no_such_field": 1}',
}
WRONG_VALUES: list[Any] = [
    None,
    True,
    -1,
    10**30,
    9223372036854775808,
    1.5,
    "",
    "x" * 100_000,
    [],
    {},
    [[]],
    [{}],
    [None],
]
QUERIES = {
    "NUL byte": "?state=%00&cursor=%00&page_size=%00",
    "broken cursor": "?cursor=!!!",
    "huge page": "?page_size=99999999999999999999999",
    "wrong types": "?state=1e999&created_after=yesterday&sale=x&kind[]=1&enabled=perhaps",
    "not UTF-8": "?state=%ff%fe&search=%ff",
}


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    operation: dict[str, Any]

    def at(self, identifier: str) -> str:
        return re.sub(r"\{\w+\}", identifier, self.path)

    def fields(self, schema: dict[str, Any]) -> list[str]:
        """Names of the fields of the request's body."""
        content = self.operation.get("requestBody", {}).get("content", {})
        reference = next(iter(content.values()), {}).get("schema", {}).get("$ref", "")
        return list(schema["components"]["schemas"].get(reference.rsplit("/", 1)[-1], {}).get("properties", {}))


SCHEMA: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
ENDPOINTS = [
    Endpoint(method, path, operation)
    for path, operations in SCHEMA["paths"].items()
    for method, operation in operations.items()
    if method in METHODS
] + [Endpoint(method, path, {}) for method, path in OTHERS]
Call = Callable[..., HttpResponseBase]


def each_endpoint(
    test: Callable[..., None], *, which: Callable[[Endpoint], bool] = lambda _: True
) -> Callable[..., None]:
    """Run a test for every endpoint that it makes sense for."""
    chosen = [endpoint for endpoint in ENDPOINTS if which(endpoint)]
    names = [f"{endpoint.method} {endpoint.path}" for endpoint in chosen]
    return pytest.mark.parametrize("endpoint", chosen, ids=names)(test)


def needs_body(endpoint: Endpoint) -> bool:
    """Machine endpoints are not described; all of them need one but the last."""
    described = "requestBody" in endpoint.operation or not endpoint.operation
    return described and not reads(endpoint) and endpoint.method != "delete" and not endpoint.path.endswith("/clear")


def reads(endpoint: Endpoint) -> bool:
    """OpenFeature's protocol asks by POST, and a ticket is everybody's own."""
    return endpoint.method == "get" or endpoint.path.startswith(("/ofrep/", "/api/v1/realtime/ticket"))


def has_id(endpoint: Endpoint) -> bool:
    return "{id}" in endpoint.path


def takes_json(endpoint: Endpoint) -> bool:
    return bool(endpoint.fields(SCHEMA)) and "application/json" in endpoint.operation["requestBody"]["content"]


@pytest.fixture
def call(superuser: User) -> Call:
    """Ask as somebody who may do everything, so that nothing but the input is wrong."""
    _, text = issue_token(user=superuser, name="test")
    client = Client(raise_request_exception=False)

    def ask(
        method: str, address: str, body: bytes = b"", content_type: str = "application/json", **headers: str
    ) -> HttpResponseBase:
        signed = {"Authorization": f"Bearer {text}", "Idempotency-Key": str(uuid4()), **headers}
        return client.generic(method.upper(), address, body, content_type=content_type, headers=signed)

    return ask


def is_refused(answer: HttpResponseBase, what: str) -> None:
    """A 4xx problem document of the documented form."""
    assert 400 <= answer.status_code < 500, f"{what}: {answer.status_code}"
    problem = json.loads(answer.content)
    if "errorCode" in problem:  # OpenFeature's protocol has a form of its own
        assert answer.headers["Content-Type"] == "application/json", what
        assert problem["errorDetails"]
        return
    assert answer.headers["Content-Type"] == "application/problem+json", what
    assert problem["status"] == answer.status_code
    assert problem["code"]
    assert problem["detail"]


@partial(each_endpoint, which=needs_body)
def test_bad_body__is_refused(call: Call, endpoint: Endpoint) -> None:
    for what, body in BODIES.items():
        is_refused(call(endpoint.method, endpoint.at(str(uuid4())), body), what)


@each_endpoint
def test_wrong_values__never_break_the_site(call: Call, endpoint: Endpoint) -> None:
    for field in endpoint.fields(SCHEMA):
        for value in WRONG_VALUES:
            answer = call(endpoint.method, endpoint.at(str(uuid4())), json.dumps({field: value}).encode())

            assert answer.status_code < 500, (field, value)


@partial(each_endpoint, which=has_id)
def test_foreign_id__is_not_found(call: Call, endpoint: Endpoint) -> None:
    for identifier in (str(uuid4()), "0", "x" * 5000, "%00", "%ff", "..%2f..", "' OR 1=1 --"):
        body = json.dumps(dict.fromkeys(endpoint.fields(SCHEMA), "x")).encode()

        is_refused(call(endpoint.method, endpoint.at(identifier), body), identifier)


@each_endpoint
def test_wrong_method__is_refused(call: Call, endpoint: Endpoint) -> None:
    known = set(SCHEMA["paths"].get(endpoint.path, {endpoint.method: {}}))
    for method in set(METHODS) - known:
        is_refused(call(method, endpoint.at(str(uuid4())), b"{}"), method)


@each_endpoint
def test_odd_query__never_breaks_the_site(call: Call, endpoint: Endpoint) -> None:
    for what, query in QUERIES.items():
        answer = call(endpoint.method, endpoint.at(str(uuid4())) + query, b"{}")

        assert answer.status_code < 500, what


@partial(each_endpoint, which=takes_json)
def test_other_content_type__is_refused(call: Call, endpoint: Endpoint) -> None:
    is_refused(call(endpoint.method, endpoint.at(str(uuid4())), b"<a/>", "application/xml"), "XML")


@each_endpoint
def test_nobody_and_anybody__get_no_more_than_they_may(user: User, endpoint: Endpoint) -> None:
    client = Client(raise_request_exception=False)
    _, text = issue_token(user=user, name="test")
    for headers in ({}, {"Authorization": "Bearer unknown"}, {"Authorization": f"Bearer {text}"}):
        answer = client.generic(
            endpoint.method.upper(), endpoint.at(str(uuid4())), b"{}", content_type="application/json", headers=headers
        )

        assert answer.status_code < 500
        assert answer.status_code >= 400 or reads(endpoint)


def test_upload_that_is_no_table__is_refused(call: Call) -> None:
    boundary = "limit"
    file = SimpleUploadedFile("a.csv", b"\x00\xff\xfe")
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n\r\n'.encode()

    answer = call("post", "/api/v1/imports/", body + file.read(), f"multipart/form-data; boundary={boundary}")

    is_refused(answer, "an upload cut off")


def test_unknown_address__is_a_problem_document(call: Call) -> None:
    is_refused(call("get", "/api/v1/no-such-thing/"), "unknown")
    is_refused(call("get", "/api/v1/orders/%00"), "NUL byte")
    is_refused(call("post", "/api/v1/orders/", b"x" * (2 << 20)), "too large")
