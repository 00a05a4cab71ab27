"""What is wrong with an expression, as far as one can tell by reading it."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import promql_parser as promql

from monitoring.catalogue import rules
from monitoring.catalogue.series import SAMPLES

RECORDINGS = {
    recording.record: recording
    for groups in rules.RECORDINGS_BY_FILE.values()
    for group in groups
    for recording in group.recordings
}
# What every target and every rule adds.
TARGET_LABELS = {"job", "instance", "service", "alertname"}
ANSWERS_WITHOUT_SERIES = {"vector", "absent", "absent_over_time"}
OF_COUNTERS = {"rate", "increase", "irate", "resets"}
OF_GAUGES = {"deriv", "delta", "idelta", "predict_linear"}
LEAST_RANGE = timedelta(minutes=1)  # four scrapes
PLAIN = re.compile(r"[\w/<>: -]*")
COMPARISONS = {">", ">=", "<", "<=", "==", "!="}

Node = Any


def children(node: Node) -> Iterator[Node]:
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        child = getattr(node, name, None)
        if child is not None and not isinstance(child, str):
            yield child
    yield from getattr(node, "args", ())


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from walk(child)


def selectors(node: Node) -> list[Any]:
    return [each for each in walk(node) if isinstance(each, promql.VectorSelector)]


def matchers(selector: Any) -> list[tuple[str, Any, str]]:
    return [(each.name, each.op, each.value) for each in selector.matchers.matchers]


def calls(node: Node, names: set[str]) -> list[Any]:
    return [each for each in walk(node) if isinstance(each, promql.Call) and each.func.name in names]


def operator(node: Node) -> str:
    return str(node.op) if isinstance(node, promql.BinaryExpr) else ""


def bare(node: Node) -> Node:
    return bare(node.expr) if isinstance(node, promql.ParenExpr) else node


def labels_of(node: Node) -> set[str]:  # noqa: PLR0911  one line for each kind of expression
    """Labels that every sample of an expression has."""
    match node:
        case promql.VectorSelector():
            return labels_of_selector(node)
        case promql.MatrixSelector():
            return labels_of(node.vector_selector)
        case promql.AggregateExpr():
            return labels_of_aggregate(node)
        case promql.Call():
            return labels_of_call(node)
        case promql.BinaryExpr() if operator(node) == "or":
            return labels_of(node.lhs) & labels_of(node.rhs)
        case promql.BinaryExpr() if operator(node) in ("and", "unless"):
            return labels_of(node.lhs)
        case promql.BinaryExpr():
            return labels_of(node.rhs) if is_number(node.lhs) else labels_of(node.lhs)
        case promql.ParenExpr() | promql.SubqueryExpr() | promql.UnaryExpr():
            return labels_of(node.expr)
    return set()


def is_number(node: Node) -> bool:
    node = bare(node)
    return isinstance(node, promql.NumberLiteral) or (isinstance(node, promql.Call) and node.func.name == "time")


def labels_of_selector(selector: Any) -> set[str]:
    if recording := RECORDINGS.get(selector.name):
        return labels_of(promql.parse(recording.expr)) | set(recording.labels)
    series = SAMPLES.get(selector.name)
    own = set(series.labels) if series else set()
    return own | TARGET_LABELS | ({"le"} if selector.name.endswith("_bucket") else set())


def labels_of_aggregate(node: Any) -> set[str]:
    counted = {node.param.val} if str(node.op) == "count_values" else set()
    if node.modifier is None:
        return counted
    named = set(node.modifier.labels)
    return counted | (named if node.modifier.type == promql.AggModifierType.By else labels_of(node.expr) - named)


def labels_of_call(node: Any) -> set[str]:
    match node.func.name:
        case "label_replace":
            return labels_of(node.args[0]) | {node.args[1].val}
        case "absent":
            return {name for name, op, _ in matchers(node.args[0]) if op == promql.MatchOp.Equal}
        case "histogram_quantile":
            return labels_of(node.args[1]) - {"le"}
        case "vector" | "time" | "scalar":
            return set()
    return labels_of(node.args[0])


# --- What may be wrong ------------------------------------------------------------------------------------------------


def unknown_series(node: Node) -> Iterator[str]:
    for selector in selectors(node):
        if selector.name not in SAMPLES and selector.name not in RECORDINGS:
            yield f"nobody shows {selector.name}"


def unknown_labels(node: Node) -> Iterator[str]:
    for selector in selectors(node):
        known = labels_of_selector(selector) | {"alertstate"}
        yield from (f"{selector.name} has no label {name}" for name, _, _ in matchers(selector) if name not in known)
    for aggregate in (each for each in walk(node) if isinstance(each, promql.AggregateExpr) and each.modifier):
        missing = set(aggregate.modifier.labels) - labels_of(aggregate.expr)
        yield from (f"nothing to group by {name}" for name in sorted(missing))


def needless_patterns(node: Node) -> Iterator[str]:
    for selector in selectors(node):
        for name, op, value in matchers(selector):
            if op in (promql.MatchOp.Re, promql.MatchOp.NotRe) and (PLAIN.fullmatch(value) or value[0] == "^"):
                yield f"{name}: {value} is no pattern, or says that it starts at its start"


def wrong_kinds(node: Node) -> Iterator[str]:
    for call in calls(node, OF_COUNTERS | OF_GAUGES):
        if not isinstance(call.args[0], promql.MatrixSelector):
            yield f"{call.func.name} of something that was worked out before: a restart would show as a jump"
            continue
        name = call.args[0].vector_selector.name
        grows = name in SAMPLES and (SAMPLES[name].kind == "counter" or name != SAMPLES[name].name)
        if grows != (call.func.name in OF_COUNTERS):
            yield f"{call.func.name} of {name}"


def bare_counters(node: Node, *, safe: bool = False) -> Iterator[str]:
    """A counter's height says how long ago its process started."""
    if isinstance(node, promql.VectorSelector):
        series = SAMPLES.get(node.name)
        if series and series.kind == "counter" and not safe:
            yield f"{node.name} without a rate"
    ranged = isinstance(node, promql.MatrixSelector)
    absent = isinstance(node, promql.Call) and node.func.name in ANSWERS_WITHOUT_SERIES
    for child in children(node):
        yield from bare_counters(child, safe=safe or ranged or absent)


def short_ranges(node: Node) -> Iterator[str]:
    for selector in (each for each in walk(node) if isinstance(each, promql.MatrixSelector)):
        if selector.range < LEAST_RANGE:
            yield f"{selector.vector_selector.name} over {selector.range} has too few samples"


def broken_quantiles(node: Node) -> Iterator[str]:
    for call in calls(node, {"histogram_quantile"}):
        if "le" not in labels_of(call.args[1]):
            yield "a quantile without its bounds (le)"


def fragile_choices(node: Node) -> Iterator[str]:
    for aggregate in (each for each in walk(node) if isinstance(each, promql.AggregateExpr)):
        if str(aggregate.op) in {"topk", "bottomk", "limitk", "limit_ratio"}:
            yield f"{aggregate.op} picks other series each time"


def collapsing_alternatives(node: Node) -> Iterator[str]:
    """Two sides without labels are one sample: the second is never seen beside the first."""
    for each in walk(node):
        if operator(each) == "or" and not labels_of(each.lhs) | labels_of(each.rhs) and not answers_always(each.rhs):
            yield "`or` between two sides without labels"


def answers_always(node: Node) -> bool:
    return bool(calls(node, ANSWERS_WITHOUT_SERIES))


def ratios_across_jobs(node: Node) -> Iterator[str]:
    for each in walk(node):
        if operator(each) == "/" and not is_number(each.lhs) and not is_number(each.rhs):
            over, under = jobs(each.lhs), jobs(each.rhs)
            if over and under and over != under:
                yield f"{sorted(over)} divided by {sorted(under)}"


def jobs(node: Node) -> set[str]:
    """Who serves what an expression asks for."""
    return {
        f"{op}{value}" for selector in selectors(node) for name, op, value in matchers(selector) if name == "job"
    } or {job for selector in selectors(node) if selector.name in SAMPLES for job in SAMPLES[selector.name].jobs}


def unseen_limits(node: Node) -> Iterator[str]:
    """A histogram tells values apart at its bounds only: a limit in between is a guess."""
    for each in walk(node):
        if operator(each) in COMPARISONS and isinstance(bare(each.rhs), promql.NumberLiteral):
            for call in calls(each.lhs, {"histogram_quantile"}):
                yield from off_bounds(selectors(call.args[1])[0].name, bare(each.rhs).val)
    for selector in selectors(node):
        for name, _, value in matchers(selector):
            if name == "le":
                yield from off_bounds(selector.name, float(value))


def off_bounds(sample: str, limit: float) -> Iterator[str]:
    if sample in SAMPLES and limit not in SAMPLES[sample].buckets:
        yield f"{SAMPLES[sample].name} has no bound at {limit:g}"


CHECKS: tuple[Callable[[Node], Iterator[str]], ...] = (
    unknown_series,
    unknown_labels,
    needless_patterns,
    wrong_kinds,
    bare_counters,
    short_ranges,
    broken_quantiles,
    fragile_choices,
    collapsing_alternatives,
    ratios_across_jobs,
    unseen_limits,
)


def problems(expr: str) -> list[str]:
    """What is wrong with an expression; nothing, if nothing is."""
    node = promql.parse(expr)
    return [problem for check in CHECKS for problem in check(node)]


def compares(expr: str) -> bool:
    """Whether each alternative of a condition is one: a figure alone fires for as long as it exists."""
    return condition(promql.parse(expr))


def condition(node: Node) -> bool:
    node = bare(node)
    if operator(node) == "or":
        return condition(node.lhs) and condition(node.rhs)
    if operator(node) in ("and", "unless"):
        return condition(node.lhs)
    if isinstance(node, promql.Call):
        return node.func.name in {"absent", "label_replace"} and bool(calls(node, {"absent"}))
    return operator(node) in COMPARISONS
