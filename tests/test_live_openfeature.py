"""OpenFeature's own SDK with its provider of the remote evaluation protocol, over the running site."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from flags.tests.ofrep_contract import BULK, EVENT, check
from tests.live import LiveSite

pytestmark = pytest.mark.xdist_group("live")

MAKE = """
from accounts.models import User
from accounts.services import issue_token
from flags.services import create_flag

def make(key, **fields):
    create_flag(key=f"sdk.{key}", actor=None, source="command", client_visible=True, **fields)

def served(key, kind, *values, **fields):
    variants = [{"key": f"v{number}", "value": value} for number, value in enumerate(values)]
    fields = {"enabled": True, "on_variant": "v0", "off_variant": "", "fallthrough_variant": "v0", **fields}
    make(key, type=kind, variants=variants, **fields)

make("boolean", enabled=True)
served("text", "string", "red", "blue")
served("whole", "number", 3)
served("part", "number", 2, 0.5)
served("object", "object", {"size": 2, "of": ["a"]})
served("off", "string", "red", enabled=False)
make("killed", enabled=False)
swiss = {"field": "country", "operator": "IN", "values": ["CH"]}
make("swiss", enabled=True, rules=[{"id": "r1", "constraints": [swiss]}])
make("half", enabled=True, rules=[{"id": "r1", "percent": 50}])
make("followed")
create_flag(key="sdk.hidden", actor=None, source="command", enabled=True)
print(issue_token(user=User.objects.get(is_superuser=True), name="editor")[1])
"""
NOBODY = EvaluationContext()


def about(subject: str, **fields: Any) -> EvaluationContext:
    return EvaluationContext(subject, fields)


@pytest.fixture(scope="module")
def editor(live_site: LiveSite) -> Iterator[httpx.Client]:
    """Makes the flags, and may change them."""
    token = live_site.manage("shell", "--verbosity=0", "-c", MAKE).stdout.split()[-1]
    with httpx.Client(base_url=live_site.url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def shop(live_site: LiveSite, editor: httpx.Client) -> OpenFeatureClient:
    """A shop front's program, with a customer's token."""
    return client_of(live_site, live_site.signature(2))


def client_of(site: LiveSite, headers: dict[str, str]) -> OpenFeatureClient:
    domain = str(uuid4())
    api.set_provider(OFREPProvider(site.url, headers_factory=lambda: headers, timeout=30), domain)
    return api.get_client(domain)


@pytest.mark.parametrize(
    ("kind", "key", "default", "value"),
    [
        ("boolean", "boolean", False, True),
        ("string", "text", "?", "red"),
        ("integer", "whole", 0, 3),
        ("float", "part", 0.0, 2.0),
        ("object", "object", {}, {"size": 2, "of": ["a"]}),
    ],
)
def test_value_of_each_type__arrives_as_that_type(
    shop: OpenFeatureClient, kind: str, key: str, default: Any, value: Any
) -> None:
    details = getattr(shop, f"get_{kind}_details")(f"sdk.{key}", default, NOBODY)

    assert (details.value, type(details.value), details.reason, details.error_code) == (
        value,
        type(value),
        Reason.STATIC,
        None,
    )
    assert details.flag_metadata["flagVersion"] == 1


def test_targeting__goes_by_the_context(shop: OpenFeatureClient) -> None:
    here = shop.get_boolean_details("sdk.swiss", False, about("u1", country="CH"))
    elsewhere = shop.get_boolean_details("sdk.swiss", True, about("u1", country="DE"))
    share = [shop.get_boolean_value("sdk.half", False, about(f"u{number}")) for number in range(40)]

    assert (here.value, here.reason, here.variant, here.flag_metadata["rule"]) == (
        True,
        Reason.TARGETING_MATCH,
        "on",
        "r1",
    )
    assert (elsewhere.value, elsewhere.reason, elsewhere.variant) == (False, Reason.DEFAULT, "off")
    assert 8 < sum(share) < 32
    assert share == [shop.get_boolean_value("sdk.half", False, about(f"u{number}")) for number in range(40)]


def test_flag_that_is_off__is_disabled_with_its_off_value_or_the_code_s(shop: OpenFeatureClient) -> None:
    killed = shop.get_boolean_details("sdk.killed", True, NOBODY)
    left = shop.get_string_details("sdk.off", "the code's", NOBODY)

    assert (killed.value, killed.reason, killed.variant) == (False, Reason.DISABLED, "off")
    assert (left.value, left.reason, left.error_code) == ("the code's", Reason.DISABLED, None)


@pytest.mark.parametrize(
    ("kind", "key", "default", "error"),
    [
        ("boolean", "no.such", True, ErrorCode.FLAG_NOT_FOUND),
        ("boolean", "sdk.hidden", True, ErrorCode.FLAG_NOT_FOUND),
        ("boolean", "sdk.text", True, ErrorCode.TYPE_MISMATCH),
        ("integer", "sdk.part", 7, ErrorCode.TYPE_MISMATCH),
        ("boolean", "sdk.half", True, ErrorCode.TARGETING_KEY_MISSING),
    ],
)
def test_error__is_told_and_the_code_s_default_counts(
    shop: OpenFeatureClient, kind: str, key: str, default: Any, error: ErrorCode
) -> None:
    details = getattr(shop, f"get_{kind}_details")(key, default, NOBODY)

    assert (details.value, details.reason, details.error_code) == (default, Reason.ERROR, error)


def test_program_without_a_token__gets_its_defaults(live_site: LiveSite, editor: httpx.Client) -> None:
    details = client_of(live_site, {}).get_boolean_details("sdk.boolean", False, NOBODY)

    assert (details.value, details.error_code, details.error_message) == (False, ErrorCode.GENERAL, "unauthorized")


def test_flag_that_changes__is_told_on_the_stream_and_asked_for_again(
    live_site: LiveSite, editor: httpx.Client, record_property: Callable[[str, object], None]
) -> None:
    with live_site.client(3) as client:
        first = evaluate(client)
        check(first.json(), BULK)
        etag = {"If-None-Match": first.headers["ETag"]}
        assert evaluate(client, headers=etag).status_code == 304

        with following(client, first.json()["eventStreams"][0]["endpoint"]["requestUri"]) as events:
            present = next(events)
            assert evaluate(client, params=told(present), headers=etag).status_code == 304

            began = time.monotonic()
            assert editor.put("/api/v1/flags/sdk.followed?enabled=true").is_success
            changed = next(event for event in events if int(event["etag"]) > int(present["etag"]))
            heard = time.monotonic() - began
            again = evaluate(client, params=told(changed), headers=etag)

    check(changed, EVENT)
    values = {flag["key"]: flag.get("value") for flag in again.json()["flags"]}
    assert (again.status_code, values["sdk.followed"], "sdk.hidden" in values) == (200, True, False)
    record_property("summary", f"OFREP: a client hears of a change {heard * 1000:.0f} ms after it was asked for")


def evaluate(client: httpx.Client, **options: Any) -> httpx.Response:
    return client.post("/ofrep/v1/evaluate/flags", json={"context": {"targetingKey": "u1"}}, **options)


def told(event: dict[str, str]) -> dict[str, str]:
    return {"flagConfigEtag": event["etag"]}


@contextmanager
def following(client: httpx.Client, address: str) -> Iterator[Iterator[dict[str, str]]]:
    """The events of a stream that a browser opens: without any header of its own."""
    with httpx.stream("GET", str(client.base_url.join(address)), timeout=30) as answer:
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        yield (json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: "))
