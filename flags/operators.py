"""Constraints: questions about one field of a context, as Unleash's client specification asks them.

A field that is missing or can't be understood is answered with no (inverted: yes); a field that is a list holds
when one of its entries does. A constraint whose own values can't be understood never holds.
"""

import ipaddress
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import re2
import semver

from flags.context import Context, reader
from flags.definition import Constraint, Operator

Question = Callable[[Context], bool]
Verdict = Callable[[Any], bool]
MANY_VALUES = {
    Operator.IN,
    Operator.NOT_IN,
    Operator.STR_CONTAINS,
    Operator.STR_STARTS_WITH,
    Operator.STR_ENDS_WITH,
    Operator.IN_CIDR,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": operator.eq,
    "GT": operator.gt,
    "GTE": operator.ge,
    "LT": operator.lt,
    "LTE": operator.le,
    "AFTER": operator.gt,
    "BEFORE": operator.lt,
}
TEXT_TESTS: dict[Operator, Callable[[str, str], bool]] = {
    Operator.STR_CONTAINS: operator.contains,
    Operator.STR_STARTS_WITH: str.startswith,
    Operator.STR_ENDS_WITH: str.endswith,
}
# A pattern may cost so much memory; RE2 never takes more than linear time.
REGEX_BYTES = 1 << 20


def check(constraint: Constraint) -> None:
    """Raises ValueError with a sentence for a value that the operator can't use."""
    if not constraint.field:
        raise ValueError("A constraint needs a field of the context")
    if constraint.operator not in MANY_VALUES and len(constraint.values) != 1:
        raise ValueError(f"{constraint.operator} compares with one value, not {len(constraint.values)}")
    if constraint.operator is Operator.IN_CIDR:
        for value in constraint.values:
            if understood(network, value) is None:
                raise ValueError(f"{value!r} is no address or network, such as 10.0.0.0/8")
    else:
        verdict_of(constraint)


def question(constraint: Constraint) -> Question:
    """A constraint, ready to be asked of contexts. Never raises, nor does what it returns for any context of JSON."""
    try:
        holds = verdict_of(constraint)
    except ValueError:
        return never
    read, inverted = reader(constraint.field), constraint.inverted

    def ask(context: Context) -> bool:
        value = read(context)
        if value is None:
            return inverted
        if isinstance(value, list | tuple | set | frozenset):
            return any(map(holds, value)) is not inverted
        return holds(value) is not inverted

    if constraint.operator is Operator.NOT_IN:  # also of nothing, and of no entry of a list
        return negated(question(replaced(constraint, Operator.IN)))
    return ask


def never(context: Context) -> bool:
    return False


def negated(ask: Question) -> Question:
    return lambda context: not ask(context)


def replaced(constraint: Constraint, by: Operator) -> Constraint:
    return Constraint(
        field=constraint.field,
        operator=by,
        values=constraint.values,
        inverted=constraint.inverted,
        case_insensitive=constraint.case_insensitive,
    )


def verdict_of(constraint: Constraint) -> Verdict:
    """The test of a value that is there. Raises ValueError when the constraint's own values can't be understood."""
    match constraint.operator:
        case Operator.IN | Operator.NOT_IN:
            return is_one_of(constraint.values, fold=constraint.case_insensitive)
        case Operator.STR_CONTAINS | Operator.STR_STARTS_WITH | Operator.STR_ENDS_WITH:
            return text_test(TEXT_TESTS[constraint.operator], constraint.values, fold=constraint.case_insensitive)
        case Operator.IN_CIDR:
            return is_in_networks(constraint.values)
        case Operator.REGEX:
            return fits_pattern(only(constraint.values), fold=constraint.case_insensitive)
    kind, _, comparison = constraint.operator.partition("_")
    parse, called = PARSERS[kind]
    wanted = understood(parse, only(constraint.values))
    if wanted is None:
        raise ValueError(f"{constraint.values[0]!r} is no {called}")
    return compares(parse, COMPARISONS[comparison], wanted)


def only(values: Sequence[str]) -> str:
    if len(values) != 1:
        raise ValueError("One value is needed")
    return values[0]


def is_one_of(values: Sequence[str], *, fold: bool) -> Verdict:
    if fold:
        folded = frozenset(value.casefold() for value in values)
        return lambda value: text(value).casefold() in folded
    known = frozenset(values)
    return lambda value: (value if type(value) is str else text(value)) in known


def text_test(test: Callable[[str, str], bool], values: Sequence[str], *, fold: bool) -> Verdict:
    if fold:
        folded = [value.casefold() for value in values]
        return lambda value: any(test(text(value).casefold(), part) for part in folded)
    return lambda value: any(test(text(value), part) for part in values)


def is_in_networks(values: Sequence[str]) -> Verdict:
    """Of the values that are networks; others count for nothing."""
    networks = [found for value in values if (found := understood(network, value))]

    def holds(value: Any) -> bool:
        address = understood(ipaddress.ip_address, text(value))
        return address is not None and any(address in each for each in networks)

    return holds


def fits_pattern(pattern: str, *, fold: bool) -> Verdict:
    options = re2.Options()
    options.case_sensitive = not fold
    options.log_errors = False
    options.max_mem = REGEX_BYTES
    try:
        compiled = re2.compile(pattern, options=options)
    except re2.error as error:
        why = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error
        raise ValueError(f"{pattern!r} is no regular expression of RE2: {why}") from error
    return lambda value: compiled.search(text(value)) is not None


def compares(parse: Callable[[Any], Any], test: Callable[[Any, Any], bool], wanted: Any) -> Verdict:
    def holds(value: Any) -> bool:
        found = understood(parse, value)
        return found is not None and test(found, wanted)

    return holds


def understood(parse: Callable[[Any], Any], value: Any) -> Any:
    """The parsed value, or None."""
    try:
        return parse(value)
    except (ValueError, TypeError, OverflowError):
        return None


def text(value: Any) -> str:
    """As JSON writes it, without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def number(value: Any) -> float:
    found = float(value)
    if isinstance(value, bool) or not math.isfinite(found):
        raise ValueError(f"{value!r} is no number")
    return found


def moment(value: Any) -> datetime:
    """A moment in time; without an offset it is UTC."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def version(value: Any) -> semver.Version:
    return semver.Version.parse(value)


def network(value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(value, strict=False)


PARSERS: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "NUM": (number, "number"),
    "DATE": (moment, "date, such as 2026-11-30 or 2026-11-30T18:00+01:00"),
    "SEMVER": (version, "version, such as 1.2.3"),
}
