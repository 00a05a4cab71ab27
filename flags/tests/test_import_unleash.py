from typing import Any

import pytest

from flags.definition import Definition
from flags.unleash import definitions_of

EXPORT: dict[str, Any] = {
    "features": [
        {"name": "checkout.new", "description": "Two steps", "type": "kill-switch", "project": "shop"},
        {"name": "old", "type": "release", "archived": True},
    ],
    "featureStrategies": [
        {
            "name": "flexibleRollout",
            "featureName": "checkout.new",
            "sortOrder": 2,
            "title": "A quarter",
            "parameters": {"rollout": "25", "stickiness": "default", "groupId": "checkout"},
            "segments": [7],
        },
        {"name": "userWithId", "featureName": "checkout.new", "sortOrder": 1, "parameters": {"userIds": "ann, bob"}},
        {"name": "default", "featureName": "checkout.new", "sortOrder": 3, "disabled": True},
    ],
    "featureEnvironments": [
        {"featureName": "checkout.new", "environment": "production", "enabled": True, "variants": []},
        {"featureName": "old", "environment": "production", "enabled": True},
    ],
    "featureTags": [
        {"featureName": "checkout.new", "tagType": "simple", "tagValue": "shop"},
        {"featureName": "checkout.new", "tagType": "team", "tagValue": "blue"},
    ],
    "segments": [{"id": 7, "name": "beta testers"}],
    "dependencies": [{"feature": "checkout.new", "dependencies": [{"feature": "old", "enabled": False}]}],
    "tagTypes": [],
}


def test_export_of_features__becomes_definitions() -> None:
    export = {**EXPORT, "segments": [{"id": 7, "name": "beta testers", "constraints": []}]}

    flags, segments, warnings = definitions_of(export)

    old, new = flags  # what others need comes first
    assert (old.key, old.enabled) == ("old", False)
    assert (new.key, new.enabled, new.kind, new.description) == ("checkout.new", True, "kill_switch", "Two steps")
    assert new.tags == ("shop", "team:blue")
    assert [(each.flag, each.on) for each in new.prerequisites] == [("old", False)]
    ids, quarter, switched_off = new.rules
    assert ids.constraints[0].values == ("ann", "bob")
    assert (quarter.name, quarter.percent, quarter.salt, quarter.segments) == (
        *("A quarter", 25.0, "checkout"),
        ("beta-testers",),
    )
    assert switched_off.percent == 0
    assert [segment.key for segment in segments] == ["beta-testers"]
    assert warnings == ["checkout.new has a rule that lets nobody in: a strategy is switched off."]


def test_segment_that_comes_by_name_only__lets_nobody_in() -> None:
    flags, segments, warnings = definitions_of(EXPORT)

    assert segments == []
    assert [rule.percent for rule in flags[1].rules] == [100, 0, 0]
    assert sum("does not say who is in segment 7" in warning for warning in warnings) == 2


def feature(**fields: Any) -> tuple[Definition, list[str]]:
    state = {"features": [{"name": "it", "enabled": True, "strategies": [], **fields}]}
    [definition], _, warnings = definitions_of(state)
    return definition, warnings


def variant(name: str, type_: str, value: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "weight": 500, "payload": {"type": type_, "value": value}, **fields}


@pytest.mark.parametrize(
    ("variants", "kind", "values"),
    [
        ([], "boolean", []),
        ([variant("a", "number", "1"), variant("b", "number", "1.5")], "number", [1, 1.5]),
        ([variant("a", "json", '{"x": 1}')], "object", [{"x": 1}]),
        ([variant("a", "json", "[1]")], "string", ["[1]"]),
        ([variant("a", "number", "1"), variant("b", "string", "two")], "string", ["1", "two"]),
        ([{"name": "a", "weight": 1}], "string", ["a"]),
        ([variant("a", "csv", "1,2")], "string", ["1,2"]),
    ],
)
def test_variants__say_the_type(variants: list[dict[str, Any]], kind: str, values: list[Any]) -> None:
    definition, _ = feature(variants=variants)

    assert definition.type == kind
    assert [each.value for each in definition.variants] == values
    assert [share.variant for share in definition.on_split] == [each["name"] for each in variants]


def test_override_of_a_variant__becomes_a_rule_before_the_strategys() -> None:
    first = variant("a", "string", "A", overrides=[{"contextName": "shop", "values": ["7"]}])

    definition, _ = feature(variants=[first, variant("b", "string", "B")])

    override, everybody = definition.rules
    assert (override.variant, override.constraints[0].field, override.constraints[0].values) == ("a", "shop", ("7",))
    assert (everybody.variant, everybody.constraints) == ("", ())


@pytest.mark.parametrize(
    ("strategy", "why"),
    [
        ({"name": "ours"}, "knows the strategy ours"),
        ({"name": "flexibleRollout", "parameters": {"rollout": "lots"}}, "'lots' is no percentage"),
        ({"name": "flexibleRollout", "parameters": {"rollout": "101"}}, "'101' is no percentage"),
        ({"name": "default", "constraints": [{"contextName": "x", "operator": "NEAR", "values": []}]}, "operator NEAR"),
        (
            {"name": "default", "constraints": [{"contextName": "x", "operator": "NUM_EQ", "value": "?"}]},
            "'?' is no number",
        ),
        ({"name": "remoteAddress", "parameters": {"IPs": "here"}}, "no value of remoteAddress is a network"),
    ],
)
def test_strategy_that_nobody_understands__lets_nobody_in(strategy: dict[str, Any], why: str) -> None:
    definition, warnings = feature(strategies=[strategy])

    assert [rule.percent for rule in definition.rules] == [0]
    assert why in warnings[0]


def test_kill_switch_with_variants__is_operational() -> None:
    definition, warnings = feature(type="kill-switch", variants=[variant("a", "string", "A")])

    assert (definition.kind, definition.off_variant) == ("operational", "")
    assert "is operational" in warnings[0]


def test_name_that_no_flag_can_have__is_left_out() -> None:
    flags, _, warnings = definitions_of({"features": [{"name": "a b", "enabled": True}]})

    assert flags == []
    assert warnings == ["'a b' is left out: no flag can be called so."]


@pytest.mark.parametrize("export", [{}, {"features": [7]}, {"features": None}, {"events": [{}]}])
def test_other_file__is_refused(export: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no file of Unleash"):
        definitions_of(export)
