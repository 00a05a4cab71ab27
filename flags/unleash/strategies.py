"""Strategies of Unleash as rules: any of them may let a subject in."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from flags.definition import AT_RANDOM, BY_DEFAULT, Constraint, Operator, Rule, SegmentDefinition
from flags.operators import MANY_VALUES, check, network, number, understood
from flags.registry import is_key
from flags.unleash.state import Plain


class NeverHolds(Exception):
    """Unleash answers no to everybody here; the sentence says why."""


def rule_of(strategy: Plain, segments: Mapping[int, Plain]) -> Rule:
    """A strategy without its variants. Raises NeverHolds."""
    if strategy.get("disabled"):
        raise NeverHolds("a strategy is switched off")
    parameters = strategy.get("parameters") or {}
    percent, stickiness, salt = share_of(strategy["name"], parameters)
    return Rule(
        id="1",
        name=title_of(strategy),
        constraints=(
            *of_strategy(strategy["name"], parameters),
            *(constraint_of(each) for each in strategy.get("constraints") or ()),
        ),
        segments=tuple(segment_in_use(each, segments) for each in strategy.get("segments") or ()),
        percent=percent,
        stickiness=stickiness,
        salt=salt,
    )


def never(strategy: Plain) -> Rule:
    """In place of a strategy that lets nobody in: with no rule at all, everybody would be."""
    return Rule(id="1", name=title_of(strategy), percent=0)


def title_of(strategy: Plain) -> str:
    return str(strategy.get("title") or "")[:150]


def share_of(name: str, parameters: Plain) -> tuple[float, str, str]:
    """Percentage, stickiness and salt. Raises NeverHolds for a strategy that is not Unleash's own."""
    salt = str(parameters.get("groupId") or "")
    match name:
        case "default" | "userWithId" | "remoteAddress":
            return 100.0, BY_DEFAULT, ""
        case "gradualRolloutUserId":
            return percent_of(parameters.get("percentage")), "userId", salt
        case "gradualRolloutSessionId":
            return percent_of(parameters.get("percentage")), "sessionId", salt
        case "gradualRolloutRandom":
            return percent_of(parameters.get("percentage")), AT_RANDOM, ""
        case "flexibleRollout":
            return percent_of(parameters.get("rollout")), str(parameters.get("stickiness") or BY_DEFAULT), salt
    raise NeverHolds(f"nothing here knows the strategy {name}")


def percent_of(value: Any) -> float:
    percent = understood(number, value)
    if percent is None or not 0 <= percent <= 100:
        raise NeverHolds(f"{value!r} is no percentage")
    return round(float(percent), 3)


def of_strategy(name: str, parameters: Plain) -> Iterator[Constraint]:
    """What two old strategies ask."""
    if name == "userWithId":
        yield Constraint(field="userId", operator=Operator.IN, values=(*listed(parameters.get("userIds")),))
    if name == "remoteAddress":
        addresses = (*listed(parameters.get("IPs")),)
        yield usable(Constraint(field="remoteAddress", operator=Operator.IN_CIDR, values=addresses))


def listed(value: Any) -> Iterable[str]:
    return [part for part in re.split(r"\s*,\s*", str(value or "").strip()) if part]


def constraint_of(plain: Plain) -> Constraint:
    """Raises NeverHolds for what Unleash answers with no, whatever the context."""
    if plain["operator"] not in set(Operator):
        raise NeverHolds(f"nothing here knows the operator {plain['operator']}")
    operator = Operator(plain["operator"])
    # Files have both fields; which of them counts is the operator's.
    values = plain.get("values") or () if operator in MANY_VALUES else (plain.get("value"),)
    return usable(
        Constraint(
            field=plain["contextName"],
            operator=operator,
            values=tuple(map(str, values)),
            inverted=bool(plain.get("inverted")),
            case_insensitive=bool(plain.get("caseInsensitive")),
        )
    )


def usable(constraint: Constraint) -> Constraint:
    """Without the networks that are none. Raises NeverHolds when nothing is left, or the value means nothing."""
    if constraint.operator is Operator.IN_CIDR:
        networks = tuple(value for value in constraint.values if understood(network, value))
        constraint = replace(constraint, values=networks)
        if not networks:
            raise NeverHolds(f"no value of {constraint.field} is a network")
    try:
        check(constraint)
    except ValueError as error:
        raise NeverHolds(str(error)) from error
    return constraint


def segment_in_use(number: int, segments: Mapping[int, Plain]) -> str:
    """The name of a segment. Raises NeverHolds for one that the file does not define."""
    segment_of(number, segments)
    return segment_key(number, segments)


def segment_of(number: int, segments: Mapping[int, Plain]) -> SegmentDefinition:
    """Raises NeverHolds for one that is missing, comes by name only, or holds nobody."""
    if "constraints" not in segments.get(number, {}):
        raise NeverHolds(f"the file does not say who is in segment {number}")
    segment = segments[number]
    return SegmentDefinition(
        key=segment_key(number, segments),
        description=str(segment.get("description") or ""),
        constraints=tuple(constraint_of(each) for each in segment["constraints"]),
    )


def segment_key(number: int, segments: Mapping[int, Plain]) -> str:
    """Its own name, made fit to be one here."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", str(segments[number].get("name") or "")).strip("-.")
    return name if is_key(name) else f"segment-{number}"
