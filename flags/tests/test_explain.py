from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flags.current import current
from flags.definition import Constraint, Definition, Operator, Override, Prerequisite
from flags.evaluation import evaluate
from flags.explanation import Explanation, explain, phrase
from flags.metrics import tally
from flags.tests.known import boolean, colour, know, rule

AT = Constraint(field="country", operator=Operator.IN, values=("AT",))
ADULT = Constraint(field="age", operator=Operator.NUM_GTE, values=("18",))
ANN = {"userId": "ann", "country": "AT", "age": 17}


def said(name: str, context: Any = ANN, **fields: Any) -> Explanation:
    found = explain(name, context, **fields)
    assert found
    return found


def lines(explanation: Explanation) -> list[tuple[str, str, bool | None, str]]:
    return [(step.kind, step.name, step.verdict, step.why) for step in explanation.steps]


def test_rules__are_told_one_by_one_until_one_hits() -> None:
    know(
        {
            "it": boolean(
                rule("adults", constraints=(AT, ADULT)),
                rule("austria", name="All of Austria", segments=("austria",), percent=99.999),
                rule("rest"),
            )
        },
        segments={"austria": (AT,)},
    )

    found = said("it")

    assert lines(found) == [
        ("switch", "", True, "The flag is on"),
        ("rule", "adults", False, "age is 17"),
        ("rule", "All of Austria", True, "Everything holds"),
        ("rule", "rest", None, "An earlier rule has decided"),
        ("answer", "on", True, "Answer: on: True (SPLIT)"),
    ]
    country, age = found.steps[1].parts
    assert (country.name, country.verdict, age.name, age.verdict) == (
        "country is one of AT",
        True,
        "age ≥ 18",
        False,
    )
    segment, share = found.steps[2].parts
    assert (segment.kind, segment.why, segment.parts[0].why) == ("segment", "In the segment austria", "country is AT")
    assert share.why.startswith("ann stands at ")
    assert found.evaluation == evaluate("it", context=ANN)


@pytest.mark.parametrize(
    ("state", "kind", "why"),
    [
        (boolean(enabled=False), "switch", "The flag is off, whatever else is set"),
        (boolean(prerequisites=(Prerequisite(flag="other"),)), "prerequisite", "other is off with off, wanted: on"),
        (
            boolean(prerequisites=(Prerequisite(flag="gone"),)),
            "prerequisite",
            "There is no flag gone, which must be on",
        ),
        (
            boolean(overrides=(Override(subject="ann", variant="off"),)),
            "override",
            "An override says off for this subject",
        ),
        (boolean(rule(percent=1, stickiness="shop")), "rule", "The context has no shop to draw for"),
        (boolean(rule(segments=("gone",))), "rule", "There is no segment gone"),
        (boolean(rule(constraints=(AT,), ends_at=datetime(2020, 1, 1, tzinfo=UTC))), "rule", "It is not the time"),
    ],
)
def test_what_decides__is_the_last_step_before_the_answer(state: Any, kind: str, why: str) -> None:
    know({"it": state, "other": boolean(enabled=False)})

    *_, last, answer = said("it").steps

    assert (last.kind, last.why) == (kind, why)
    assert answer.verdict is False


def test_draft__is_explained_as_if_it_were_saved_and_nothing_is_counted() -> None:
    know({"it": boolean(enabled=False), "new": boolean()})
    counted = tally("it", "on", "TARGETING_MATCH").count

    assert said("it", draft=Definition(key="it", enabled=True, rules=(rule(),))).evaluation.value is True
    assert said("made", draft=Definition(key="made", enabled=True)).evaluation.value is True

    assert tally("it", "on", "TARGETING_MATCH").count == counted
    assert evaluate("it").value is False
    assert "made" not in current.snapshot.flags


def test_unknown_name__has_no_explanation() -> None:
    know({})

    assert explain("nowhere", {}) is None


def test_constraint__is_read_aloud() -> None:
    constraint = Constraint(field="mail", operator=Operator.STR_ENDS_WITH, values=("a", "b"), inverted=True)

    assert phrase(constraint) == "not: mail ends with one of a, b"


RULES = st.lists(
    st.builds(
        rule,
        key=st.sampled_from("abc"),
        percent=st.sampled_from([0.0, 30.0, 100.0]),
        constraints=st.lists(st.sampled_from([AT, ADULT]), max_size=2).map(tuple),
        variant=st.sampled_from(["", "blue"]),
    ),
    max_size=3,
    unique_by=lambda each: each.id,
)
CONTEXTS = st.fixed_dictionaries(
    {},
    optional={"userId": st.sampled_from("pqr"), "country": st.sampled_from(["AT", "FR"]), "age": st.integers(17, 18)},
)


@given(rules=RULES, enabled=st.booleans(), context=CONTEXTS)
@settings(deadline=None)
def test_explanation__never_says_another_answer_than_the_check(rules: Any, enabled: bool, context: Any) -> None:
    current.forget()
    know({"it": colour(*rules, enabled=enabled)})

    found = said("it", context)

    assert found.evaluation == evaluate("it", context=context)
    hit = [step for step in found.steps if step.kind == "rule" and step.verdict]
    assert [step.name for step in hit] == [found.evaluation.metadata["rule"]] * len(hit)
    assert len(hit) == (found.evaluation.metadata["rule"] != "")
    assert all(all(part.verdict for part in step.parts) for step in hit)
