from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from flags import aevaluate, aget_value, ais_enabled, evaluate, evaluation, get_value, is_enabled, override_flags
from flags.current import current
from flags.definition import Constraint, Operator, Override, Prerequisite, Variant
from flags.document import FlagState
from flags.evaluation import evaluate_all
from flags.hashing import position
from flags.metrics import tally
from flags.tests.known import COLOURS, boolean, colour, know, rule, split

ANN = {"userId": "ann", "country": "AT"}
IN_AUSTRIA = (Constraint(field="country", operator=Operator.IN, values=("AT",)),)
IN_FRANCE = (Constraint(field="country", operator=Operator.IN, values=("FR",)),)


def answer(state: FlagState, context: Any = ANN, default: Any = None, **others: FlagState) -> tuple[Any, ...]:
    """Value, variant, reason and cause."""
    know({"it": state, **others})
    found = evaluate("it", default, context=context)
    assert found.error_code == ""
    assert found.metadata["flagVersion"] == 1
    return found.value, found.variant, found.reason, found.metadata["cause"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (boolean(), (True, "on", "STATIC", "")),
        (boolean(enabled=False), (False, "off", "DISABLED", "")),
        (boolean(enabled=False, off_variant="on"), (True, "on", "DISABLED", "")),
        (boolean(on_variant="off"), (False, "off", "STATIC", "")),
        (boolean(rule(constraints=IN_AUSTRIA)), (True, "on", "TARGETING_MATCH", "")),
        (boolean(rule(constraints=IN_AUSTRIA, variant="off")), (False, "off", "TARGETING_MATCH", "")),
        (boolean(rule(constraints=IN_FRANCE)), (False, "off", "DEFAULT", "")),
        (boolean(rule(constraints=IN_FRANCE), fallthrough_variant="on"), (True, "on", "DEFAULT", "")),
        (boolean(rule(percent=99.999)), (True, "on", "SPLIT", "")),
        (boolean(rule(percent=0)), (False, "off", "DEFAULT", "")),
        (colour(), ("RED", "red", "STATIC", "")),
        (colour(enabled=False), ("GREY", "grey", "DISABLED", "")),
        (colour(enabled=False, off_variant=""), (None, "", "DISABLED", "")),
        (colour(rule(constraints=IN_AUSTRIA, variant="blue")), ("BLUE", "blue", "TARGETING_MATCH", "")),
        (colour(rule(split=split(blue=1))), ("BLUE", "blue", "SPLIT", "")),
        (colour(on_variant="", on_split=split(red=0, blue=1)), ("BLUE", "blue", "SPLIT", "")),
        (colour(rule(constraints=IN_FRANCE)), ("GREY", "grey", "DEFAULT", "")),
    ],
)
def test_flag__answers_with_its_reason(state: FlagState, expected: tuple[Any, ...]) -> None:
    assert answer(state) == expected


def test_first_rule_that_hits__decides_and_is_named() -> None:
    know(
        {
            "it": colour(
                rule("one", constraints=IN_FRANCE, variant="red"),
                rule("two", constraints=IN_AUSTRIA, variant="blue"),
                rule("three", variant="red"),
            )
        }
    )

    assert evaluate("it", context=ANN).metadata["rule"] == "two"
    assert evaluate("it", context={}).metadata["rule"] == "three"


def test_kill__wins_over_everything_below_it() -> None:
    killed = boolean(
        rule(variant="on"),
        enabled=False,
        overrides=(Override(subject="ann", variant="on"),),
        prerequisites=(Prerequisite(flag="other"),),
    )

    assert answer(killed, default=True, other=boolean()) == (False, "off", "DISABLED", "")


@pytest.mark.parametrize(
    ("needed", "met"),
    [
        ({"flag": "other"}, True),
        ({"flag": "other", "variants": ("red", "blue")}, True),
        ({"flag": "other", "variants": ("blue",)}, False),
        ({"flag": "other", "on": False}, False),
        ({"flag": "dark"}, False),
        ({"flag": "dark", "on": False}, True),
        ({"flag": "nowhere"}, False),
        ({"flag": "nowhere", "on": False}, False),
        ({"flag": "it"}, False),  # a circle, which only raw SQL can make
    ],
)
def test_prerequisite__is_asked_for_the_same_subject(needed: dict[str, Any], met: bool) -> None:
    state = boolean(prerequisites=(Prerequisite(**needed),), overrides=(Override(subject="ann", variant="on"),))

    found = answer(state, other=colour(rule(constraints=IN_AUSTRIA)), dark=boolean(enabled=False))

    assert found == ((True, "on", "TARGETING_MATCH", "override") if met else (False, "off", "DISABLED", "prerequisite"))


@pytest.mark.parametrize(
    ("subject", "expires_at", "at", "said"),
    [
        ({"userId": "ann"}, None, None, True),
        ({"targetingKey": "ann"}, None, None, True),
        ({"userId": "bob"}, None, None, False),
        ({"sessionId": "ann"}, None, None, False),
        ({"userId": "ann"}, "2026-06-01", "2026-05-31T23:59:59Z", True),
        ({"userId": "ann"}, "2026-06-01", "2026-06-01T00:00:00Z", False),
        ({"userId": "ann"}, "2020-01-01", None, False),
    ],
)
def test_override__counts_until_it_expires(
    subject: dict[str, str], expires_at: str | None, at: str | None, said: bool
) -> None:
    expires = datetime.fromisoformat(expires_at).replace(tzinfo=UTC) if expires_at else None
    state = boolean(rule(variant="off"), overrides=(Override(subject="ann", variant="on", expires_at=expires),))

    context = {**subject, **({"currentTime": at} if at else {})}

    assert answer(state, context)[0] is said


@pytest.mark.parametrize(
    ("at", "inside"),
    [("2026-05-31T23:59Z", False), ("2026-06-01T00:00Z", True), ("2026-06-30T00:00Z", False), ("nonsense", False)],
)
def test_rule_with_a_window__hits_inside_it(at: str, inside: bool) -> None:
    window = {"starts_at": datetime(2026, 6, 1, tzinfo=UTC), "ends_at": datetime(2026, 6, 30, tzinfo=UTC)}

    assert answer(boolean(rule(**window)), {"currentTime": at})[0] is inside


def test_segments__must_all_hold_and_an_unknown_one_holds_nobody() -> None:
    segments = {"austria": IN_AUSTRIA, "both": (*IN_AUSTRIA, *IN_FRANCE)}
    flags = {
        name: boolean(rule(segments=tuple(name.split("_")))) for name in ("austria", "both", "gone", "austria_gone")
    }
    know(flags, segments=segments)

    assert [name for name in flags if is_enabled(name, context=ANN)] == ["austria"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (boolean(rule(percent=50)), (False, "off", "DEFAULT", "no_key")),
        (boolean(rule(percent=50, stickiness="shop")), (False, "off", "DEFAULT", "no_key")),
        (boolean(rule(percent=100)), (True, "on", "TARGETING_MATCH", "")),
        (boolean(rule(percent=50), rule("all")), (True, "on", "TARGETING_MATCH", "")),
        (colour(on_variant="", on_split=split(red=1, blue=1)), ("GREY", "grey", "DEFAULT", "no_key")),
    ],
)
def test_share_of_nobody__is_off_and_says_why(state: FlagState, expected: tuple[Any, ...]) -> None:
    assert answer(state, {"country": "AT"}) == expected


def test_percentage__hits_whoever_stands_below_it_to_the_thousandth() -> None:
    stands_at = position("it", "ann") / 1000

    assert not answer(boolean(rule(percent=stands_at)))[0]
    current.forget()
    assert answer(boolean(rule(percent=stands_at + 0.001)))[0]


def test_higher_percentage__drops_nobody() -> None:
    know({f"p{percent}": boolean(rule(percent=percent, salt="s")) for percent in (0, 0.5, 12.3, 50, 99.9, 100)})
    hits = [
        {n for n in range(500) if is_enabled(f"p{percent}", context={"userId": n})}
        for percent in (0, 0.5, 12.3, 50, 99.9, 100)
    ]

    assert all(fewer <= more for fewer, more in pairwise(hits))
    assert (len(hits[0]), len(hits[-1])) == (0, 500)


@pytest.mark.parametrize("field", ["userId", "targetingKey"])
@pytest.mark.parametrize("known_as", ["userId", "targetingKey"])
def test_user_and_targeting_key__stand_in_for_each_other(field: str, known_as: str) -> None:
    know({"it": boolean(rule(constraints=(Constraint(field=field, operator=Operator.IN, values=("ann",)),)))})

    assert is_enabled("it", context={known_as: "ann"})
    assert not is_enabled("it", context={known_as: "bob"})


def test_random__needs_no_key_and_hits_its_share() -> None:
    know({"it": boolean(rule(percent=30, stickiness="random"))})

    hits = sum(is_enabled("it", context={}) for _ in range(3000))

    assert 600 < hits < 1200


def test_default_stickiness__is_the_user_then_the_session() -> None:
    know({"it": boolean(rule(percent=50))})

    by_session = [is_enabled("it", context={"sessionId": str(n)}) for n in range(50)]

    assert [is_enabled("it", context={"userId": str(n), "sessionId": "x"}) for n in range(50)] == by_session
    assert [is_enabled("it", context={"targetingKey": n}) for n in range(50)] == by_session
    assert {*by_session} == {True, False}


def test_value_of_another_type_than_the_default__is_an_error_and_not_given() -> None:
    know({"it": colour(), "yes": boolean()})

    assert (get_value("it", 7), get_value("yes", "no"), get_value("yes", 1)) == (7, "no", 1)
    assert evaluate("it", 7).error_code == "TYPE_MISMATCH"
    assert evaluate("it", 7).reason == "ERROR"


@pytest.mark.parametrize(
    ("type_", "value", "default"),
    [("number", 5, 1.5), ("number", 5.5, 1), ("string", "", "x"), ("object", {"a": [1]}, {}), ("boolean", True, False)],
)
def test_value__comes_as_it_is(type_: str, value: Any, default: Any) -> None:
    variants = () if type_ == "boolean" else (Variant(key="on", value=value),)
    know(
        {
            "it": FlagState(
                type=type_, enabled=True, variants=variants, off_variant="", fallthrough_variant="", version=1
            )
        }
    )

    assert get_value("it", default) == value
    assert evaluate("it").value == value


def test_object__is_the_callers_to_change() -> None:
    state = boolean(
        type="object", variants=(Variant(key="on", value={"a": [1]}),), off_variant="", fallthrough_variant=""
    )
    know({"it": state})

    get_value("it", {})["a"].append(2)

    assert get_value("it", {}) == {"a": [1]}


def test_flag_without_an_off_value__leaves_it_to_the_default() -> None:
    know({"it": colour(enabled=False, off_variant="")})

    assert get_value("it", "mine") == "mine"
    assert get_value("it", ["mine"]) == ["mine"]
    assert evaluate("it", "mine").reason == "DISABLED"
    assert is_enabled("it", default=True) is False


def test_unknown_name__is_an_error_with_the_callers_default() -> None:
    know({})

    found = evaluate("nowhere", "mine")

    assert (found.value, found.reason, found.error_code) == ("mine", "ERROR", "FLAG_NOT_FOUND")


def test_flag_that_cannot_be_evaluated__answers_the_default_and_is_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "_logged", set())
    know({"it": colour(on_variant="no such variant")})
    counted = tally("it", "", "ERROR").count

    assert [is_enabled("it", default=True) for _ in range(3)] == [True] * 3
    assert evaluate("it", "mine").error_code == "GENERAL"
    assert get_value("it", "mine") == "mine"

    assert tally("it", "", "ERROR").count == counted + 5
    assert caplog.text.count("can't be checked") == 1


def test_metadata__tells_both_versions_and_whether_they_are_confirmed() -> None:
    know({"it": boolean(version=3)}, version=9)
    assert evaluate("it").metadata == {"flagVersion": 3, "setVersion": 9, "rule": "", "cause": "", "stale": False}

    current._checked_at -= 60

    assert evaluate("it").metadata["stale"] is True


def test_evaluations__are_counted_by_what_they_say() -> None:
    know({"it": colour(rule(constraints=IN_AUSTRIA, variant="blue"))})
    counted = tally("it", "blue", "TARGETING_MATCH").count

    evaluate("it", context=ANN)
    get_value("it", "x", context=ANN)
    is_enabled("it", context=ANN)

    assert tally("it", "blue", "TARGETING_MATCH").count == counted + 3


def test_all_flags__are_those_of_clients_or_everything() -> None:
    know({"it": colour(client_visible=True), "own": boolean(), "broken": colour(on_variant="x")})

    assert evaluate_all(ANN, everything=False).keys() == {"it"}
    found = evaluate_all(ANN, everything=True)
    assert {key: (each.value, each.error_code) for key, each in found.items()} == {
        "broken": (None, "GENERAL"),
        "it": ("RED", ""),
        "own": (True, ""),
    }


@pytest.mark.parametrize("value", [True, False, "x", 7, 1.5, {"a": 1}])
def test_override_of_any_type__answers_everywhere(value: Any) -> None:
    with override_flags({"it": value}):
        assert evaluate("it").value == value
        assert get_value("it", value) == value
        assert is_enabled("it") is (value is not False)

    assert not current.looked


async def test_async_twins__say_the_same() -> None:
    know({"it": colour(rule(constraints=IN_AUSTRIA, variant="blue"))})

    assert await ais_enabled("it", context=ANN)
    assert await aget_value("it", "x", context=ANN) == "BLUE"
    assert (await aevaluate("it", context=ANN)).variant == "blue"
    assert len(COLOURS) == 3
