"""Every address with every method, about things that do not exist: the answer is the site's own, never a failure."""

import random

import pytest
from django.test import Client

from accounts.models import User
from tests.routes import address, patterns

pytestmark = pytest.mark.django_db

METHODS = ("GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "BREW")


@pytest.mark.parametrize("made_up", ["", "987654321"], ids=["id of no kind", "id of nothing"])
@pytest.mark.parametrize("method", METHODS)
def test_what_does_not_exist__is_never_a_failure(superuser: User, method: str, made_up: str) -> None:
    client, chance = Client(raise_request_exception=False), random.Random(1)
    client.force_login(superuser)

    # What has no id in its address is asked once.
    asked = [pattern for pattern in sorted(set(patterns())) if not made_up or "<" in pattern]
    answers = {
        target: client.generic(method, target).status_code
        for target in (address(pattern, chance, made_up) for pattern in asked)
        if "logout" not in target
    }

    assert len(answers) > 100
    assert {target: status for target, status in answers.items() if status >= 500} == {}
