from datetime import UTC, datetime
from typing import Any

import pytest

from flags.definition import Constraint, Operator
from flags.operators import check, question


def ask(operator: str, values: list[str], value: Any, **fields: Any) -> bool:
    constraint = Constraint(field="it", operator=Operator(operator), values=tuple(values), **fields)
    return question(constraint)({"it": value})


@pytest.mark.parametrize(
    ("operator", "values", "value", "holds"),
    [
        ("IN", ["a", "b"], "b", True),
        ("IN", ["a", "b"], "B", False),
        ("IN", ["true"], True, True),
        ("IN", ["7"], 7, True),
        ("IN", [], "a", False),
        ("NOT_IN", ["a"], "b", True),
        ("NOT_IN", ["a"], None, True),
        ("NOT_IN", [], "b", True),
        ("STR_CONTAINS", ["x", "oo"], "foot", True),
        ("STR_STARTS_WITH", ["fo"], "foot", True),
        ("STR_ENDS_WITH", ["fo"], "foot", False),
        ("NUM_EQ", ["12.0"], "12", True),
        ("NUM_GT", ["12"], 12.001, True),
        ("NUM_GT", ["12"], True, False),
        ("NUM_LT", ["12"], "nan", False),
        ("NUM_LT", ["12"], "twelve", False),
        ("NUM_LTE", ["12"], [], False),
        ("DATE_AFTER", ["2026-01-01"], "2026-01-01T00:00:01Z", True),
        ("DATE_AFTER", ["2026-01-01T02:00:00+02:00"], "2026-01-01T00:00:00Z", False),
        ("DATE_BEFORE", ["2026-01-01"], datetime(2025, 12, 31, tzinfo=UTC), True),
        ("DATE_BEFORE", ["2026-01-01"], "soon", False),
        ("SEMVER_GT", ["2.0.0-alpha.1"], "2.0.0", True),
        ("SEMVER_EQ", ["1.2.3"], "v1.2.3", False),
        ("SEMVER_EQ", ["1.2.3"], 1, False),
        ("REGEX", [r"^\w+@shop\.example$"], "ann@shop.example", True),
        ("REGEX", ["a+"], 7, False),
        ("IN_CIDR", ["10.0.0.0/8", "::1"], "10.9.8.7", True),
        ("IN_CIDR", ["10.0.0.0/8"], "::ffff:11.0.0.1", False),
        ("IN_CIDR", ["10.0.0.0/8"], "localhost", False),
    ],
)
def test_constraint__answers(operator: str, values: list[str], value: Any, holds: bool) -> None:
    assert ask(operator, values, value) is holds


@pytest.mark.parametrize(("value", "holds"), [(["x", "b"], True), (["x"], False), ([], False)])
def test_field_that_is_a_list__holds_when_one_entry_does(value: list[str], holds: bool) -> None:
    assert ask("IN", ["a", "b"], value) is holds
    assert ask("NOT_IN", ["a", "b"], value) is not holds


@pytest.mark.parametrize("operator", ["IN", "STR_CONTAINS", "REGEX", "NUM_EQ"])
@pytest.mark.parametrize("value", ["3", "4", None])
def test_inverted__answers_the_opposite(operator: str, value: str | None) -> None:
    assert ask(operator, ["3"], value, inverted=True) is not ask(operator, ["3"], value)


@pytest.mark.parametrize("operator", ["IN", "STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH", "REGEX"])
def test_case_insensitive__takes_both(operator: str) -> None:
    assert ask(operator, ["Grün"], "gRÜN", case_insensitive=True)
    assert not ask(operator, ["Grün"], "gRÜN")


@pytest.mark.parametrize(
    ("operator", "values"),
    [
        ("NUM_EQ", ["twelve"]),
        ("NUM_EQ", []),
        ("NUM_EQ", ["1", "2"]),
        ("NUM_LT", ["inf"]),
        ("DATE_AFTER", ["tomorrow"]),
        ("SEMVER_EQ", ["v1"]),
        ("REGEX", ["(a"]),
        ("REGEX", ["(?=a)"]),
        ("IN_CIDR", ["10.0.0.0/8", "10.0.0.0/33"]),
    ],
)
def test_values_that_the_operator_cannot_use__are_refused_and_never_hold(operator: str, values: list[str]) -> None:
    constraint = Constraint(field="it", operator=Operator(operator), values=tuple(values), inverted=True)

    with pytest.raises(ValueError, match=r"\w"):
        check(constraint)

    if operator != "IN_CIDR":  # of many values the good ones count
        assert not question(constraint)({"it": "1"})


@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("value", [None, "", "x", 1, 1.5, True, [], {}, {"a": 1}, ["x", None], "9" * 400])
def test_any_value_of_a_context__is_answered(operator: Operator, value: Any) -> None:
    for values in ((), ("1",), ("1.0.0",), ("2026-01-01",), ("10.0.0.0/8",), ("a", "b")):
        assert question(Constraint(field="it", operator=operator, values=values))({"it": value}) in {True, False}


def test_pattern_that_takes_others_for_ever__is_answered_at_once() -> None:
    assert not ask("REGEX", ["^(a+)+$"], "a" * 10_000 + "b")


def test_current_time__is_now_unless_it_is_given() -> None:
    after = question(Constraint(field="currentTime", operator=Operator.DATE_AFTER, values=("2020-01-01",)))

    assert after({})
    assert not after({"currentTime": "2019-01-01"})
