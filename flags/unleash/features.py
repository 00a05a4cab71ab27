"""Features of Unleash as definitions of flags."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from flags.choices import FlagKind, FlagType
from flags.definition import BY_DEFAULT, ON, Constraint, Definition, Operator, Prerequisite, Rule, SegmentDefinition
from flags.registry import is_key
from flags.unleash.state import Plain, State
from flags.unleash.strategies import NeverHolds, never, rule_of, segment_of
from flags.unleash.variants import all_of, shares_of, type_of, variants_of

NO_VARIANT = "disabled"  # what Unleash calls the variant of a feature that has none
KINDS: Mapping[str, FlagKind] = {"kill-switch": FlagKind.KILL_SWITCH, **{kind.value: kind for kind in FlagKind}}


class Importer:
    """Turns a file into definitions, and keeps a sentence for each thing that is not quite the same."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.warnings: list[str] = []

    def segments(self) -> Iterator[SegmentDefinition]:
        for number in self.state.segments:
            try:
                yield segment_of(number, self.state.segments)
            except NeverHolds as error:
                self.warnings.append(f"Segment {number} is left out: {error}.")

    def definitions(self) -> Iterator[Definition]:
        """What others need comes before them."""
        named = [name for name in self.state.features if self.is_named(name)]
        for name in sorted(named, key=lambda name: bool(self.state.features[name].get("dependencies"))):
            yield self.definition(self.state.features[name])

    def is_named(self, name: str) -> bool:
        if not is_key(name):
            self.warnings.append(f"{name!r} is left out: no flag can be called so.")
        return is_key(name)

    def definition(self, feature: Plain) -> Definition:
        kind = type_of(all_of(feature))
        boolean = kind == FlagType.BOOLEAN
        enabled = bool(feature["enabled"])
        prerequisites: tuple[Prerequisite, ...] = ()
        try:
            prerequisites = tuple(self.prerequisite(each) for each in feature.get("dependencies") or ())
        except NeverHolds as error:
            enabled = False
            self.warn(feature, f"is off, as Unleash never turns it on: {error}")
        return Definition(
            key=feature["name"],
            description=str(feature.get("description") or ""),
            tags=tuple(tag_of(each) for each in feature.get("tags") or ()),
            type=kind,
            kind=self.kind(feature, boolean=boolean),
            enabled=enabled,
            variants=variants_of(all_of(feature), kind),
            rules=self.rules(feature, boolean=boolean),
            prerequisites=prerequisites,
            **({} if boolean else served(feature)),
        )

    def kind(self, feature: Plain, *, boolean: bool) -> FlagKind:
        kind = KINDS.get(str(feature.get("type")), FlagKind.RELEASE)
        if kind == FlagKind.KILL_SWITCH and not boolean:
            self.warn(feature, "is operational: a kill switch would need a value for off, which Unleash does not have")
            return FlagKind.OPERATIONAL
        return kind

    def rules(self, feature: Plain, *, boolean: bool) -> tuple[Rule, ...]:
        """No strategy: no rule, and everybody is in."""
        found: list[Rule] = []
        strategies = feature.get("strategies") or ()
        overrides = [*overrides_of(feature)]
        for strategy in strategies or ({"name": "default"} for _ in overrides[:1]):
            try:
                rule = rule_of(strategy, self.state.segments)
            except NeverHolds as error:
                self.warn(feature, f"has a rule that lets nobody in: {error}")
                found.append(never(strategy))
                continue
            if shares := shares_of(strategy.get("variants") or ()):
                found.append(replace(rule, split=shares))
                continue
            found += [replace(rule, constraints=(*rule.constraints, asked), variant=name) for asked, name in overrides]
            found.append(rule)
            if not boolean and not feature.get("variants"):
                self.warn(feature, "says the first strategy's variants where Unleash would say none")
        return tuple(replace(rule, id=str(number)) for number, rule in enumerate(found, 1))

    def prerequisite(self, dependency: Plain) -> Prerequisite:
        """Raises NeverHolds for a parent that is missing or has parents itself, or can't say what is wanted."""
        name, on = dependency["feature"], dependency.get("enabled") is not False
        parent = self.state.features.get(name)
        if parent is None or not is_key(name):
            raise NeverHolds(f"there is no {name}")
        if parent.get("dependencies"):
            raise NeverHolds(f"{name} depends on others itself")
        wanted = [str(each) for each in dependency.get("variants") or ()] if on else []
        known = {str(each["name"]) for each in all_of(parent)} or {NO_VARIANT}
        possible = [ON if each == NO_VARIANT else each for each in wanted if each in known]
        if wanted and not possible:
            raise NeverHolds(f"{name} never says {' or '.join(wanted)}")
        return Prerequisite(flag=name, on=on, variants=tuple(possible))

    def warn(self, feature: Plain, what: str) -> None:
        self.warnings.append(f"{feature['name']} {what}.")


def served(feature: Plain) -> dict[str, Any]:
    """What a flag with variants says; the code's default, where Unleash has no value."""
    variants: Sequence[Plain] = feature.get("variants") or ()
    split = variants or next(each["variants"] for each in feature["strategies"] if each.get("variants"))
    return {
        "on_variant": "",
        "on_split": shares_of(split),
        "off_variant": "",
        "fallthrough_variant": "",
        "stickiness": str((variants and variants[0].get("stickiness")) or BY_DEFAULT),
    }


def overrides_of(feature: Plain) -> Iterator[tuple[Constraint, str]]:
    """Who gets a certain variant, once they are let in."""
    for variant in feature.get("variants") or ():
        for each in variant.get("overrides") or ():
            values = tuple(map(str, each["values"]))
            yield Constraint(field=each["contextName"], operator=Operator.IN, values=values), str(variant["name"])


def tag_of(tag: Plain) -> str:
    """Tags of the type "simple" are as short as ours."""
    kind, value = tag.get("tagType") or tag.get("type"), tag.get("tagValue") or tag.get("value")
    return str(value) if kind == "simple" else f"{kind}:{value}"[:50]
