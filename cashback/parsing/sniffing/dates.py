"""In which form dates are written."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum, auto
from functools import cache
from itertools import product
from typing import NamedTuple

DATES = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d/%m/%y", "%m/%d/%y",
    "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%Y.%m.%d", "%Y%m%d", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d %B %Y",
    "%B %d, %Y", "%d-%b-%y",
)  # fmt: skip
TIMES = (
    "", " %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M:%S%z", "T%H:%M:%S.%f%z", "T%H:%M:%S.%f", "T%H:%M", " %H:%M:%S.%f",
    " %H:%M:%S%z", " %H:%M:%S %z", " %H:%M:%S.%f%z", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S",
)  # fmt: skip
ZONES = ("+0", "-0", "+0:0", "-0:0", "a")
RUNS = (re.compile(r"\d+"), "0"), (re.compile(r"[^\W\d_]+"), "a")
LOOKED_AT = 200
ENOUGH = 0.8
EXAMPLE = datetime(2010, 12, 31, 18, 5, tzinfo=UTC)
FEWEST_DAYS = 3
MUCH_LONGER = 10


class Verdict(Enum):
    """Which of two forms it is, and whether that is certain."""

    FIRST = auto()
    SECOND = auto()
    LIKELY_FIRST = auto()
    LIKELY_SECOND = auto()
    UNKNOWN = auto()


class DateForm(NamedTuple):
    """The form of a column's dates, what share of them has it, and the swapped form that would do as well."""

    form: str
    share: float
    rival: str | None = None


def sniff_date(values: Iterable[str]) -> DateForm | None:
    """The form of most values, or None when they are no dates."""
    known = list(dict.fromkeys(value.strip() for value in values if value.strip()))[:LOOKED_AT]
    if not known:
        return None
    alike = {form: True for value in (known[0], known[-1]) for form in forms_by_shape().get(shape_of(value), ())}
    shares = {form: share_of(known, form) for form in alike}
    best = max(shares, key=lambda form: shares[form], default=None)
    if best is None or shares[best] < ENOUGH:
        return None
    rival = swapped(best)
    return DateForm(best, shares[best], rival if rival in shares and shares[rival] == shares[best] else None)


@cache
def forms_by_shape() -> dict[str, list[str]]:
    """Forms by the shape of what they write: trying each of hundreds on a value takes longer than reading the file."""
    found: dict[str, list[str]] = {}
    for date, time in product(DATES, TIMES):
        plain = shape_of(EXAMPLE.strftime(f"{date}{time}".replace("%z", "")))
        for zone in ZONES if "%z" in time else ("",):
            found.setdefault(f"{plain}{zone}", []).append(f"{date}{time}")
    return found


def shape_of(value: str) -> str:
    """`31/12/2010 6:05 PM` as `0/0/0 0:0 a`."""
    for runs, letter in RUNS:
        value = runs.sub(letter, value)
    return value


def settle(values: Iterable[str], one: str, other: str) -> Verdict:
    """Which of two forms it is: by the first value that has only one of them, or by the days they make of all."""
    one, other = day_form(one), day_form(other)
    days: set[str] = set()
    for value in values:
        day = day_of(value)
        if day in days:
            continue
        days.add(day)
        if has_form(day, one) != has_form(day, other):
            return Verdict.FIRST if has_form(day, one) else Verdict.SECOND
    return settle_by_span(days, one, other)


def settle_by_span(days: Iterable[str], one: str, other: str) -> Verdict:
    """1/12 to 5/12 are five days in a row, and hardly the twelfth of five months."""
    known = [day for day in days if has_form(day, one) and has_form(day, other)]
    if len(known) < FEWEST_DAYS:
        return Verdict.UNKNOWN
    spans = [span_of(known, form) for form in (one, other)]
    if max(spans) < MUCH_LONGER * min(spans):
        return Verdict.UNKNOWN
    return Verdict.LIKELY_FIRST if spans[0] < spans[1] else Verdict.LIKELY_SECOND


def span_of(days: Sequence[str], form: str) -> int:
    moments = [datetime.strptime(day, form) for day in days]  # noqa: DTZ007  only how far apart
    return (max(moments) - min(moments)).days


def day_of(value: str) -> str:
    return value.strip().partition(" ")[0].partition("T")[0].rstrip(",")


def day_form(form: str) -> str:
    return form.partition(" ")[0].partition("T")[0].rstrip(",")


def share_of(values: Sequence[str], form: str) -> float:
    return sum(has_form(value, form) for value in values) / len(values)


def has_form(value: str, form: str) -> bool:
    try:
        datetime.strptime(value.strip(), form)  # noqa: DTZ007  only whether it can be read
    except ValueError:
        return False
    return True


def swapped(form: str) -> str | None:
    """The same form with month before day, or day before month."""
    if not form.startswith(("%d", "%m")) or form[3:5] not in ("%m", "%d"):
        return None
    return f"{form[3:5]}{form[2]}{form[:2]}{form[5:]}"
