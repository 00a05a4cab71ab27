"""The running site against its own description: generated requests, right and wrong ones, of everybody who may ask."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
import schemathesis
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as bounds
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.live import LiveSite

pytestmark = [pytest.mark.xdist_group("openapi"), pytest.mark.slow]

# How many generated requests of each operation and mode: most of those who get past the door.
EXAMPLES = {"superuser": 4, "customer": 2, "till": 1, "nobody": 1}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ISSUE_TOKEN = """
from accounts.models import User
from accounts.services import issue_token
print(issue_token(user=User.objects.get(is_superuser=True), name="generated requests")[1])
"""

Operation = APIOperation[Any, Any, Any, Any]
SCHEMA = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))


class Door(NamedTuple):
    """The site's web process alone: what is asked of the others stays in the outbox, nothing is sent anywhere."""

    site: LiveSite
    signatures: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with TemporaryDirectory(prefix="live-") as name:
        Path(name).chmod(0o755)
        till = {"DEMO_DEVICE_Harbour Coffee": secrets.token_hex(16)}
        site = LiveSite(Path(name), THROTTLE_USER="1000000/min", THROTTLE_ANON="1000000/min", **till)
        try:
            site.prepare()
            site.start("web")
            token = site.manage("shell", "--verbosity=0", "-c", ISSUE_TOKEN).stdout.strip()
            signatures = {
                "customer": site.signature(1),
                "superuser": {"Authorization": f"Bearer {token}"},
                "till": {"Authorization": f"Device dk_{till.popitem()[1]}"},
                "nobody": {},
            }
            yield Door(site, signatures)
        finally:
            site.stop()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("who", EXAMPLES)
def test_answers__are_those_of_the_description(door: Door, who: str, mode: GenerationMode) -> None:
    operations = [result.ok() for result in SCHEMA.get_all_operations()]

    found = [fault for operation in operations for fault in faults_of(operation, mode, door, who)]

    assert not found, "\n\n".join(found)
    assert len(operations) > 50


def faults_of(operation: Operation, mode: GenerationMode, door: Door, who: str) -> list[str]:
    """What an operation answered to generated requests that it should not have, once for each kind of fault."""
    found: dict[str, str] = {}

    @seed(0)
    @bounds(
        max_examples=EXAMPLES[who],
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases_of(operation, mode, door))
    def ask(case: Case) -> None:
        headers = {**door.signatures[who], "Idempotency-Key": str(uuid4())}
        response = case.call(base_url=door.site.url, headers=headers, timeout=60, allow_redirects=False)
        try:
            case.validate_response(response, checks=checks_of(operation, mode))
        except FailureGroup as group:
            for failure in group.exceptions:
                found.setdefault(type(failure).__name__, f"{operation.label}: {failure}")

    ask()
    return list(found.values())


def checks_of(operation: Operation, mode: GenerationMode) -> list[Any]:
    """A query that makes no sense may be ignored, a body may not."""
    return [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE and operation.body else CHECKS


def cases_of(operation: Operation, mode: GenerationMode, door: Door) -> st.SearchStrategy[Case]:
    """Requests to things that exist, where the path names one, and to others."""
    paths = [None, *places_of(operation.path, door)]
    return st.one_of(*[operation.as_strategy(generation_mode=mode, path_parameters=path) for path in paths])


def places_of(path: str, door: Door) -> list[dict[str, str]]:
    """What stands in a path that leads to something."""
    if "{id}" in path:
        return [{"id": each} for each in ids_of(path, door)]
    names = [each for each in ("name", "key") if f"{{{each}}}" in path]  # of flags
    return [{name: flag} for name in names for flag in ("checkout.sales_open", "no.such")]


def ids_of(path: str, door: Door) -> list[str]:
    """Two ids of what the path's list has."""
    address = door.site.url + path.partition("{id}")[0]
    answer = httpx.get(address, headers=door.signatures["superuser"], follow_redirects=True, timeout=30)
    return [row["id"] for row in answer.json().get("results", [])[:2]] if answer.is_success else []
