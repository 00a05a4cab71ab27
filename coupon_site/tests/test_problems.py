"""Errors of REST framework as problem documents."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("method", "kind", "said"),
    [
        ("POST", "text/plain", ("Unsupported Media Type", 'Unsupported media type "text/plain" in request.')),
        ("PUT", "application/json", ("Method Not Allowed", 'Method "PUT" not allowed.')),
    ],
)
def test_refused_request__is_titled_by_its_status(
    api_of: Callable[[User], APIClient], user: User, method: str, kind: str, said: tuple[str, str]
) -> None:
    answer = api_of(user).generic(method, "/api/v1/orders/", "{}", content_type=kind, headers={"Idempotency-Key": "a"})

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["title"], answer.json()["detail"]) == said
