"""One id for everything that a request causes."""

import pytest
from django.test import Client

ADDRESS = "/livez"


def test_caller_with_an_id__gets_it_back(client: Client) -> None:
    assert client.get(ADDRESS, headers={"X-Request-ID": "order-4711.a"})["X-Request-ID"] == "order-4711.a"


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "line\tbreak", "semi;colon-and-more"])
def test_caller_without_a_good_id__gets_a_new_one(client: Client, given: str) -> None:
    answered = client.get(ADDRESS, headers={"X-Request-ID": given})["X-Request-ID"]

    assert answered != given
    assert len(answered) == 36
