"""As much of PromQL's grammar as linting needs: selectors, ranges, and what a counter is wrapped in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

NAME = r"[a-zA-Z_][\w:]*"
STRING = r'"(?:[^"\\]|\\.)*"'
SELECTOR = re.compile(rf"(?P<name>{NAME})\{{(?P<matchers>(?:[^}}\"]|{STRING})*)\}}")
MATCHER = re.compile(rf"(?P<label>\w+)(?P<test>(?:=~|!~|!=|=){STRING})")
RANGE = re.compile(r"\[([^\]:]+)\]")
LABEL_LISTS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
WORDS = frozenset({"and", "or", "unless", "offset", "bool", "inf", "nan", "by", "without", "on", "ignoring"})
DURATION = re.compile(r"\d+(?:ms|[smhdwy])")
# Growth, or how many there are.
OF_COUNTERS = re.compile(r"(?:rate|irate|increase|resets|changes|count(?: by \([^)]*\))?)\s?\(\s*$")


@dataclass(frozen=True)
class Selector:
    """A series' name and what its labels must be."""

    name: str
    text: str

    @cached_property
    def matchers(self) -> dict[str, str]:
        """Label → test, such as `="node"`."""
        return {found["label"]: found["test"] for found in MATCHER.finditer(self.text)}

    @property
    def one_job(self) -> bool:
        """Whether it names a single job."""
        return self.matchers.get("job", "").startswith('="')


def selectors(expr: str) -> Iterator[Selector]:
    for found in SELECTOR.finditer(expr):
        yield Selector(found["name"], found["matchers"])


def ranges(expr: str) -> list[str]:
    """Every `[range]`, without what stands in labels."""
    return RANGE.findall(SELECTOR.sub("", re.sub(STRING, "", expr)).replace(" ", "")) or []


def bare_names(expr: str) -> Iterator[str]:
    """Series that are asked for without any matcher; recorded ones need none."""
    rest = RANGE.sub("", LABEL_LISTS.sub("", re.sub(STRING, "", SELECTOR.sub("", expr))))
    for found in re.finditer(rf"{NAME}(?!\s*\()(?![\w:])", DURATION.sub("", rest)):
        if found[0] not in WORDS and ":" not in found[0]:
            yield found[0]


def sums_of_counters(expr: str, counters: frozenset[str]) -> Iterator[str]:
    """Counters whose value is asked for as it is."""
    for found in SELECTOR.finditer(expr):
        if found["name"] in counters and not OF_COUNTERS.search(expr[: found.start()]):
            yield found["name"]
