"""Changes in words."""

from typing import Any

import pytest

from flags.admin.words import differences

BASE: dict[str, Any] = {"key": "a.one"}
RULE = {"id": "r", "name": "Early birds", "percent": 5.0}


def said(before: dict[str, Any] | None, after: dict[str, Any]) -> list[str]:
    return [str(line) for line in differences(before and {**BASE, **before}, {**BASE, **after})]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({"description": "x"}, {"description": "x"}, []),
        ({"enabled": False}, {"enabled": True}, ["state: off → on"]),
        ({"guard": []}, {"guard": ["A", "B"]}, ["guard: nothing → A, B"]),
        ({"rules": [RULE]}, {"rules": [{**RULE, "percent": 25.0}]}, ["rule “Early birds”, share: 5 % → 25 %"]),
        (
            {"rules": []},
            {"rules": [{"id": "r", "percent": 25.0}]},
            ["+ everybody: 25 % get what is served while on"],
        ),
        (
            {"rules": [RULE]},
            {"rules": []},
            ["− rule “Early birds”: 5 % get what is served while on"],
        ),
        (
            {"rules": [RULE, {"id": "s", "name": "Staff", "variant": "on"}]},
            {"rules": [{"id": "s", "name": "Staff", "variant": "on"}, RULE]},
            ["order of the rules: rule “Early birds”, rule “Staff” → rule “Staff”, rule “Early birds”"],
        ),
        (
            {"rules": [RULE]},
            {"rules": [{**RULE, "constraints": [{"field": "c", "operator": "IN", "values": ["A"], "inverted": True}]}]},
            ["rule “Early birds”, constraints: nothing → not (c is one of A)"],
        ),
        (
            {"overrides": [{"subject": "u1", "variant": "on"}]},
            {"overrides": [{"subject": "u1", "variant": "off", "expires_at": "2030-01-01T00:00:00Z"}]},
            ["override u1: on → off until 2030-01-01 00:00 UTC"],
        ),
        ({}, {"prerequisites": [{"flag": "b", "on": False}]}, ["+ prerequisite b: off"]),
        (None, {"enabled": True, "owner": "us"}, ["+ made: on", "+ owner: us"]),
        ({}, {"a_field_of_tomorrow": 1}, ["+ definition"]),
    ],
)
def test_change__is_said_in_words(before: dict[str, Any] | None, after: dict[str, Any], lines: list[str]) -> None:
    assert said(before, after) == lines
