"""Definitions and their differences in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from flags.admin.rollout import is_for_everybody, percent_text
from flags.definition import BY_DEFAULT, Constraint, Definition, Operator, Override, Prerequisite, Rule, Share, Variant

OPERATORS = {
    Operator.IN: "is one of",
    Operator.NOT_IN: "is none of",
    Operator.STR_CONTAINS: "contains",
    Operator.STR_STARTS_WITH: "begins with",
    Operator.STR_ENDS_WITH: "ends with",
    Operator.REGEX: "matches the pattern",
    Operator.NUM_EQ: "equals (number)",
    Operator.NUM_GT: "is more than",
    Operator.NUM_GTE: "is at least",
    Operator.NUM_LT: "is less than",
    Operator.NUM_LTE: "is at most",
    Operator.DATE_AFTER: "is after",
    Operator.DATE_BEFORE: "is before",
    Operator.SEMVER_EQ: "is version",
    Operator.SEMVER_GT: "is later than version",
    Operator.SEMVER_GTE: "is at least version",
    Operator.SEMVER_LT: "is earlier than version",
    Operator.SEMVER_LTE: "is at most version",
    Operator.IN_CIDR: "is an address in",
}
LABELS = {
    "key": "name",
    "on_variant": "served while on",
    "on_split": "weights while on",
    "off_variant": "served while off",
    "fallthrough_variant": "served to the others",
    "client_visible": "visible to clients",
    "review_at": "review",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One difference; `old` or `new` None: there was, or is, no such thing."""

    label: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        if self.old is None or self.new is None:
            sign = "+" if self.old is None else "−"
            return f"{sign} {self.label}{': ' if self.old or self.new else ''}{self.new or self.old or ''}"
        return f"{self.label}: {self.old} → {self.new}"


def label_of(name: str) -> str:
    return LABELS.get(name, name.replace("_", " "))


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Line]:
    """What a change did, of definitions as the history keeps them."""
    then, now = read(before or {"key": after["key"]}), read(after)
    if then is None or now is None:  # older than this release can read
        return [Line("definition", None, None)]
    if before is not None:
        return [*changed(then, now)]
    return [
        Line("made", None, shown(now.enabled)),
        *(Line(each.label, None, each.new) for each in changed(then, now, "enabled")),
    ]


def segment_lines(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Line]:
    """What a change of a segment did."""
    then, now = dict(before or {}), dict(after)
    if now.get("archived_at"):
        return [Line("put away", None, "")]
    lines = [] if before else [Line("made", None, "")]
    for name in ("description", "constraints"):
        old, new = then.get(name), now.get(name)
        if old != new:
            lines.append(Line(label_of(name), asked(name, old) if before else None, asked(name, new)))
    return lines


def asked(name: str, value: Any) -> str:
    if name != "constraints":
        return shown(value)
    return " and ".join(map(said, msgspec.convert(value or [], tuple[Constraint, ...]))) or "everybody"


def read(plain: Mapping[str, Any]) -> Definition | None:
    try:
        return msgspec.convert(dict(plain), Definition)
    except msgspec.ValidationError:
        return None


def changed(then: Definition, now: Definition, *but: str) -> Iterator[Line]:
    for name in Definition.__struct_fields__:
        old, new = getattr(then, name), getattr(now, name)
        if old == new or name in but:
            continue
        match name:
            case "rules":
                yield from rules(old, new)
            case "variants" | "overrides" | "prerequisites":
                yield from things(name.removesuffix("s"), old, new)
            case "enabled":
                yield Line("state", shown(old), shown(new))
            case _:
                yield Line(label_of(name), shown(old), shown(new))


def rules(old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[Line]:
    """By their ids, so that a rule that moved is not one that went and one that came."""
    then, now = {rule.id: rule for rule in old}, {rule.id: rule for rule in new}
    for rule in new:
        if rule.id not in then:
            yield Line(title(rule), None, said(rule))
        elif then[rule.id] != rule:
            yield from within(then[rule.id], rule)
    for rule in old:
        if rule.id not in now:
            yield Line(title(rule), said(rule), None)
    order = [rule.id for rule in old if rule.id in now], [rule.id for rule in new if rule.id in then]
    if order[0] != order[1]:
        yield Line("order of the rules", *(", ".join(title(now[each]) for each in ids) for ids in order))


def within(old: Rule, new: Rule) -> Iterator[Line]:
    for name in Rule.__struct_fields__:
        if (then := getattr(old, name)) != (now := getattr(new, name)):
            label = "share" if name == "percent" else label_of(name)
            percent = name == "percent"
            yield Line(
                f"{title(new)}, {label}",
                percent_text(then) if percent else shown(then),
                percent_text(now) if percent else shown(now),
            )


def things(noun: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[Line]:
    then, now = {name_of(each): each for each in old}, {name_of(each): each for each in new}
    for name in [*then, *(name for name in now if name not in then)]:
        if then.get(name) != now.get(name):
            texts = (said(each[name]) if name in each else None for each in (then, now))
            yield Line(f"{noun} {name}", *texts)


def name_of(thing: Any) -> str:
    match thing:
        case Variant():
            return thing.key
        case Override():
            return thing.subject
        case _:
            return str(thing.flag)


def title(rule: Rule) -> str:
    if rule.name:
        return f"rule “{rule.name}”"
    return "everybody" if is_for_everybody(rule) else f"rule {rule.id[:8]}"


def shown(value: object) -> str:
    """A value as people say it."""
    match value:
        case bool():
            return "on" if value else "off"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case None | "" | [] | ():
            return "nothing"
        case list() | tuple():
            return ", ".join(said(each) for each in value)
        case _:
            return str(value)


def said(thing: Any) -> str:  # noqa: PLR0911  one line per kind of part
    """A part of a definition in words."""
    match thing:
        case Rule():
            return rule_text(thing)
        case Constraint():
            return constraint_text(thing)
        case Share():
            return f"{thing.variant} {thing.weight}"
        case Variant():
            return msgspec.json.encode(thing.value).decode()
        case Override():
            until = f" until {shown(thing.expires_at)}" if thing.expires_at else ""
            return f"{thing.variant}{until}{f' ({thing.reason})' if thing.reason else ''}"
        case Prerequisite():
            return ("on" if thing.on else "off") + (f" as {', '.join(thing.variants)}" if thing.variants else "")
        case _:
            return str(thing)


def rule_text(rule: Rule) -> str:
    """If emailDomain is one of a.example and in staff, from …: 50 % get on."""
    conditions = [constraint_text(each) for each in rule.constraints] + [f"in {key}" for key in rule.segments]
    served = rule.variant or shown(rule.split) if rule.variant or rule.split else "what is served while on"
    sticky = "" if rule.stickiness == BY_DEFAULT else f" by {rule.stickiness}"
    when = "".join(
        f", {word} {shown(moment)}" for word, moment in (("from", rule.starts_at), ("until", rule.ends_at)) if moment
    )
    who = f"if {' and '.join(conditions)}{when}: " if conditions or when else ""
    return f"{who}{percent_text(rule.percent)} get {served}{sticky}"


def constraint_text(each: Constraint) -> str:
    values = ", ".join(each.values) or "nothing"
    case = " (ignoring case)" if each.case_insensitive else ""
    asked = f"{each.field} {OPERATORS[each.operator]} {values}{case}"
    return f"not ({asked})" if each.inverted else asked
