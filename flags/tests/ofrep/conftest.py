"""Flags as Redis has them, and a shop front's program that asks for them."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from flags import mirror
from flags.current import current
from flags.document import Document, FlagState
from flags.ofrep import callers
from flags.ofrep.throttle import windows
from flags.tests.ofrep.samples import ADDRESS, Ask, Serve


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
def ask(user: User, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """As a shop front's program."""
    # Nobody looks again, from a connection that does not see what this test has not committed.
    monkeypatch.setattr(callers, "FRESH_SECONDS", 3600.0)
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
    windows.windows.clear()
    yield
    windows.windows.clear()
