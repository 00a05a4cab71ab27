"""Tests that share a site run in one process, one after another: without groups each process would start its own."""

import os

import pytest


@pytest.mark.xdist_group("groups")
def test_name_of_a_test__tells_xdist_its_group(request: pytest.FixtureRequest) -> None:
    """pytest 9.2 keeps xdist 3.8 from writing it there, without a word: https://github.com/pytest-dev/pytest-xdist/issues/1386."""
    is_spread = "PYTEST_XDIST_WORKER" in os.environ

    assert request.node.nodeid.endswith("@groups") == is_spread
