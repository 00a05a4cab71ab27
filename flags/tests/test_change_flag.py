"""Changes of a whole definition: what is kept, what is refused, and what it costs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import convert

from events.models import OutboxEvent
from flags.definition import Definition, Override, Rule, Variant
from flags.errors import ApprovalNeeded, ChangedMeanwhile, DefinitionInvalid, FlagUnknown, ReasonRequired
from flags.models import Flag, FlagSet
from flags.queries import definition_of, read_document
from flags.services import change_flag, create_flag, import_definitions, turn_off_many, write_segment
from flags.services.edits import defined
from flags.tests.conftest import NOBODY

pytestmark = pytest.mark.django_db

COLOURS = [{"key": "red", "value": "#f00"}, {"key": "blue", "value": "#00f"}]
STRING = {"type": "string", "variants": COLOURS, "on_variant": "red", "off_variant": "", "fallthrough_variant": "blue"}
IN_LONDON = {"field": "city", "operator": "IN", "values": ["London"]}
EVERYTHING: dict[str, Any] = {
    **STRING,
    "enabled": True,
    "description": "Colour of the button",
    "owner": "shop",
    "tags": ["b", "a"],
    "guard": ["CheckoutErrors"],
    "review_at": "2026-12-01T09:00:00+01:00",
    "salt": "pepper",
    "stickiness": "sessionId",
    "rules": [
        {"id": "one", "constraints": [IN_LONDON], "segments": ["staff", "beta"], "percent": 12.3456, "variant": "blue"},
        {"id": "two", "split": [{"variant": "red", "weight": 1}, {"variant": "blue", "weight": 3}]},
    ],
    "overrides": [{"subject": "z", "variant": "red"}, {"subject": "a", "variant": "blue", "reason": "asked"}],
    "prerequisites": [{"flag": "shop.open"}, {"flag": "a.first", "on": False}],
}


@pytest.fixture
def around(make_flag: Callable[..., Flag]) -> None:
    """What EVERYTHING speaks of."""
    make_flag("shop.open")
    make_flag("a.first")
    write_segment(key="staff", patch={"constraints": [IN_LONDON]}, **NOBODY)
    write_segment(key="beta", patch={}, **NOBODY)


def patch(name: str, /, **fields: Any) -> Flag:
    return change_flag(key=name, patch=fields, **NOBODY)


@pytest.mark.usefixtures("around")
def test_everything_at_once__is_kept_as_the_history_says(make_flag: Callable[..., Flag]) -> None:
    make_flag("button.colour")

    flag = patch("button.colour", **EVERYTHING)

    kept = definition_of("button.colour")
    change = flag.changes.first()
    assert change
    assert convert(change.after, Definition) == kept
    assert kept.rules[0] == Rule(
        id="one", constraints=kept.rules[0].constraints, segments=("beta", "staff"), percent=12.346, variant="blue"
    )
    assert [each.subject for each in kept.overrides] == ["a", "z"]
    assert [each.flag for each in kept.prerequisites] == ["a.first", "shop.open"]
    assert kept.review_at == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert read_document().flags["button.colour"].rules == kept.rules


@pytest.mark.usefixtures("around")
def test_list__is_replaced_as_a_whole_and_the_rest_stays(make_flag: Callable[..., Flag]) -> None:
    make_flag("button.colour")
    patch("button.colour", **EVERYTHING)
    before = definition_of("button.colour")

    patch("button.colour", rules=[EVERYTHING["rules"][1]], overrides=[])

    after = definition_of("button.colour")
    assert after.rules == before.rules[1:]
    assert after.overrides == ()
    assert (after.variants, after.prerequisites, after.tags) == (before.variants, before.prerequisites, before.tags)


@pytest.mark.usefixtures("around")
@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_saying_the_same_again__changes_nothing(make_flag: Callable[..., Flag], name: str) -> None:
    make_flag("button.colour")
    patch("button.colour", **EVERYTHING)
    version = FlagSet.objects.get().version

    flag = patch("button.colour", **{name: EVERYTHING[name]})

    assert (flag.version, FlagSet.objects.get().version) == (2, version)


def test_struct_in_a_patch__is_checked_like_plain_data(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open")

    with pytest.raises(DefinitionInvalid, match=r"rules\[0\]\.percent"):
        patch("shop.open", rules=[Rule(id="a", percent=101)])


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"enabled": "yes"}, "enabled"),
        ({"mood": "good"}, "definition"),
        ({"key": "other"}, "key"),
        ({"kind": "mood"}, "kind"),
        ({"review_at": "2026-12-01T09:00:00"}, "review_at"),
        ({"rules": [{"id": "a", "percent": -1}]}, "rules[0].percent"),
        ({"rules": [{"id": ""}]}, "rules[0].id"),
        ({"rules": [{"id": "a"}, {"id": "a"}]}, "rules"),
        ({"rules": [{"id": "a" * 37}]}, "rules[0].id"),
        ({"rules": [{"id": "a", "variant": "red"}]}, "rules[0].variant"),
        ({"rules": [{"id": "a", "segments": ["nobody"]}]}, "rules[0].segments"),
        ({"rules": [{"id": "a", "split": [{"variant": "on", "weight": 0}]}]}, "rules[0].split"),
        ({"rules": [{"id": "a", "split": [{"variant": "red", "weight": 1}]}]}, "rules[0].split[0].variant"),
        (
            {"rules": [{"id": "a", "starts_at": "2026-12-01T00:00:00Z", "ends_at": "2026-12-01T00:00:00Z"}]},
            "rules[0].ends_at",
        ),
        (
            {"rules": [{"id": "a", "constraints": [{"field": "a", "operator": "REGEX", "values": ["("]}]}]},
            "rules[0].constraints[0]",
        ),
        (
            {"rules": [{"id": "a", "constraints": [{"field": "a", "operator": "NUM_GT", "values": ["much"]}]}]},
            "rules[0].constraints[0]",
        ),
        ({"rules": [{"id": f"{number}"} for number in range(101)]}, "rules"),
        ({"overrides": [{"subject": "a", "variant": "red"}]}, "overrides[0].variant"),
        ({"overrides": [{"subject": "", "variant": "on"}]}, "overrides[0].subject"),
        ({"overrides": [{"subject": "a", "variant": "on"}] * 2}, "overrides"),
        ({"prerequisites": [{"flag": "nobody"}]}, "prerequisites[0].flag"),
        ({"prerequisites": [{"flag": "shop.open"}]}, "prerequisites"),
        ({"prerequisites": [{"flag": "other", "variants": ["red"]}]}, "prerequisites[0].variants"),
        ({"variants": COLOURS}, "variants"),
        ({"off_variant": ""}, "off_variant"),
        ({"fallthrough_variant": ""}, "fallthrough_variant"),
        ({"on_variant": ""}, "on_variant"),
        ({"on_variant": "red"}, "on_variant"),
        ({"type": "string"}, "variants"),
        ({**STRING, "variants": [*COLOURS, {"key": "red", "value": ""}]}, "variants"),
        ({**STRING, "variants": [*COLOURS, {"key": "green", "value": 1}]}, "variants[2].value"),
        ({**STRING, "kind": "kill_switch"}, "off_variant"),
        ({**STRING, "type": "number", "variants": [{"key": "red", "value": True}]}, "variants[0].value"),
        ({**STRING, "type": "number", "variants": [{"key": "red", "value": float("inf")}]}, "variants[0].value"),
        ({**STRING, "type": "number", "variants": [{"key": "red", "value": 10**30}]}, "variants[0].value"),
        ({**STRING, "type": "object", "variants": [{"key": "red", "value": {"a": [2.0**60]}}]}, "variants[0].value"),
        ({"tags": [""]}, "tags"),
        ({"owner": "a" * 121}, "owner"),
        ({"stickiness": ""}, "stickiness"),
        ({"description": "\x00"}, "definition"),
    ],
)
def test_what_can_not_be__is_refused_with_its_place(
    make_flag: Callable[..., Flag], fields: dict[str, Any], place: str
) -> None:
    make_flag("shop.open")
    make_flag("other")
    version = FlagSet.objects.get().version

    with pytest.raises(DefinitionInvalid) as refusal:
        patch("shop.open", **fields)

    errors: Any = refusal.value.context["errors"]
    assert place in errors
    assert FlagSet.objects.get().version == version


def test_prerequisites__make_no_circle_and_no_long_chain(make_flag: Callable[..., Flag]) -> None:
    for number in range(7):
        make_flag(f"f{number}")
    for number in range(5):
        patch(f"f{number}", prerequisites=[{"flag": f"f{number + 1}"}])

    with pytest.raises(DefinitionInvalid, match="wait for each other"):
        patch("f5", prerequisites=[{"flag": "f0"}])
    with pytest.raises(DefinitionInvalid, match="At most 5 in a row"):
        patch("f5", prerequisites=[{"flag": "f6"}])


def test_variant_that_another_flag_waits_for__stays(make_flag: Callable[..., Flag]) -> None:
    make_flag("colour", **STRING)
    make_flag("shop.open", prerequisites=[{"flag": "colour", "variants": ["blue"]}])

    with pytest.raises(DefinitionInvalid, match=r"shop\.open waits for the variant 'blue'"):
        patch("colour", variants=COLOURS[:1], fallthrough_variant="red")


def test_version_that_is_past__is_refused_and_nothing_changes(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open")
    patch("shop.open", description="Orders are taken")

    with pytest.raises(ChangedMeanwhile) as refusal:
        change_flag(key="shop.open", patch={"enabled": True}, expected_version=1, **NOBODY)

    assert (refusal.value.status, refusal.value.context) == (412, {"version": 2})
    assert not Flag.objects.get().enabled


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ({"enabled": False}, False),
        ({"description": "new", "owner": "shop", "tags": ["a"], "review_at": None}, False),
        ({"enabled": False, "description": "new"}, False),
        ({"enabled": False, "archived_at": datetime(2026, 1, 1, tzinfo=UTC)}, False),
        ({"rules": []}, True),
        ({"enabled": False, "rules": []}, True),
        ({"protected": False}, True),
        ({"guard": []}, True),
        ({"client_visible": True}, True),
    ],
)
def test_protected_flag__waits_for_a_second_person_unless_it_goes_off(
    make_flag: Callable[..., Flag], fields: dict[str, Any], waits: bool
) -> None:
    make_flag("shop.open", protected=True, enabled=True, guard=["A"], rules=[{"id": "a", "percent": 5}])
    said = {"key": "shop.open", "patch": fields, **NOBODY}

    with pytest.raises(ReasonRequired):
        change_flag(**said)

    if waits:
        with pytest.raises(ApprovalNeeded):
            change_flag(**said, reason="because")
    else:
        assert change_flag(**said, reason="because").version == 2


def test_many_turned_off__share_a_version(make_flag: Callable[..., Flag]) -> None:
    for key in ("a", "b", "c"):
        make_flag(key, enabled=key != "b")
    version = FlagSet.objects.get().version

    off = turn_off_many(keys=["a", "b", "c"], **NOBODY, reason="quiet")

    assert [flag.key for flag in off] == ["a", "c"]
    assert FlagSet.objects.get().version == version + 1
    assert not Flag.objects.filter(enabled=True).exists()
    with pytest.raises(FlagUnknown, match="Did you mean"):
        turn_off_many(keys=["a", "bb"], **NOBODY)


# --- What it costs --------------------------------------------------------------------------------------------------
def statements(action: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as caught:
        action()
    said = [query["sql"] or "" for query in caught]  # Django does not know the text of one that is prepared
    return [text for text in said if "SAVEPOINT" not in text]


def rules(count: int) -> list[dict[str, Any]]:
    return [{"id": f"r{number}", "segments": ["staff", "beta"], "percent": number} for number in range(count)]


@pytest.mark.usefixtures("around")
def test_statements__do_not_grow_with_the_definition(make_flag: Callable[..., Flag]) -> None:
    def big(count: int) -> dict[str, Any]:
        return {
            "rules": rules(count),
            "overrides": [{"subject": f"{number}", "variant": "on"} for number in range(count)],
        }

    counts = set()
    for size in (2, 90):
        make_flag(f"size{size}", **big(size))
        counts.add(len(statements(lambda size=size: patch(f"size{size}", **big(size + 1)))))

    assert len(counts) == 1


def test_statements__do_not_grow_with_the_flags(make_flag: Callable[..., Flag]) -> None:
    counts = set()
    for size in (2, 40):
        keys = [make_flag(f"f{size}.{number}", enabled=True).key for number in range(size)]
        counts.add(len(statements(lambda keys=keys: turn_off_many(keys=keys, **NOBODY))))

    assert len(counts) == 1


@pytest.mark.usefixtures("around")
def test_statements__do_not_grow_with_an_import() -> None:
    counts = set()
    for size in (2, 40):
        flags = [defined({"key": f"i{size}.{number}", "rules": rules(2)}) for number in range(size)]
        counts.add(len(statements(lambda flags=flags: import_definitions(definitions=flags, actor=None))))

    assert len(counts) == 1


def test_switch__takes_eight_statements(make_flag: Callable[..., Flag]) -> None:
    for number in range(20):
        make_flag(f"f{number}", rules=[{"id": "a", "percent": 5}])

    # lock, read, version, flag, history, event, wake-up of the relay, plans that it overtakes
    assert len(statements(lambda: patch("f7", enabled=True))) <= 8


def test_switch__asks_for_nothing_that_it_does_not_touch(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", rules=[{"id": "a", "percent": 5}])

    asked = " ".join(statements(lambda: patch("shop.open", enabled=True)))

    assert "DELETE" not in asked
    assert 'INSERT INTO "flags_rule"' not in asked


# --- Whatever is written comes back ---------------------------------------------------------------------------------
moments = st.none() | st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001  as above
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)
texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=5,
)
variants = st.lists(
    st.builds(Variant, key=texts.filter(bool), value=st.dictionaries(texts, values, max_size=3), description=texts),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each.key,
)


@given(data=st.data())
@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # smaller examples are not worth minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_definition__comes_back_as_it_was_written(data: st.DataObject) -> None:
    Flag.objects.filter(key="any").exists() or create_flag(key="any", **NOBODY)
    found = data.draw(variants)
    keys = st.sampled_from([each.key for each in found])
    rules = st.builds(
        Rule, id=texts.filter(bool), name=texts, percent=st.floats(0, 100), variant=keys, salt=texts, starts_at=moments
    )
    overrides = st.builds(Override, subject=texts.filter(bool), variant=keys, reason=texts, expires_at=moments)

    flag = change_flag(
        key="any",
        patch={
            "type": "object",
            "variants": found,
            "on_variant": data.draw(keys),
            "off_variant": "",
            "fallthrough_variant": data.draw(keys),
            "rules": data.draw(st.lists(rules, max_size=3, unique_by=lambda each: each.id)),
            "overrides": data.draw(st.lists(overrides, max_size=3, unique_by=lambda each: each.subject)),
            "review_at": data.draw(moments),
            "enabled": data.draw(st.booleans()),
        },
        **NOBODY,
    )

    change = flag.changes.first()
    assert change
    assert convert(change.after, Definition) == definition_of("any")


def test_change__names_what_changed_on_the_channel(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open")

    patch("shop.open", rules=[{"id": "a", "percent": 5}], description="Orders")

    assert '"changed":["rules","description"]' in OutboxEvent.objects.order_by("-id")[0].payload
