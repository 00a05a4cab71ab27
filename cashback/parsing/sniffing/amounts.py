"""How numbers are written, and how cancellations are told."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from cashback.parsing.numbers import parse_number, without_signs

THOUSANDS = re.compile(r"-?\d{1,3}([.,])\d{3}")
PREFIX = re.compile(r"[^\W\d_]{1,3}(?=-?\d)")
MOSTLY = 0.8
SIGNS = {"£": "GBP", "€": "EUR", "$": "USD"}
CODE = re.compile(r"^([A-Z]{3})\s*-?\d|\d\s*([A-Z]{3})$")


def sniff_decimal_mark(values: Iterable[str]) -> str | None:
    """Comma or point, by what can be nothing else; None when every number could be read both ways."""
    votes = Counter(mark for value in values if (mark := mark_of(without_signs(value.strip()))))
    return votes.most_common(1)[0][0] if votes else None


def mark_of(number: str) -> str | None:
    """The decimal mark of one number, where it can be told."""
    last = max(number.rfind("."), number.rfind(","))
    if last < 0 or THOUSANDS.fullmatch(number):
        return None
    if number.count(number[last]) > 1:  # repeated: it parts thousands
        return "." if number[last] == "," else ","
    return number[last]


def could_be_thousands(values: Iterable[str]) -> bool:
    """Whether some number is written as `1.234`, which may mean a thousand or one and a bit."""
    return any(THOUSANDS.fullmatch(without_signs(value.strip())) for value in values)


def is_numeric(values: Sequence[str], mark: str) -> bool:
    """Whether most of the cells that hold something hold numbers."""
    filled = [value for value in values if value.strip()]
    return bool(filled) and sum(parse_number(value, mark) is not None for value in filled) >= MOSTLY * len(filled)


def sniff_prefix(ids: Sequence[str], worths: Sequence[str], mark: str) -> str | None:
    """What numbers of cancelled invoices begin with: letters that most negative lines have and no other line has."""
    numbers = [parse_number(worth, mark) for worth in worths]
    negative = [number for number, worth in zip(ids, numbers, strict=True) if worth is not None and worth < 0]
    found = Counter(match[0] for number in negative if (match := PREFIX.match(number)))
    if not found:
        return None
    prefix, lines = found.most_common(1)[0]
    positive = [number for number, worth in zip(ids, numbers, strict=True) if worth is not None and worth > 0]
    return prefix if lines >= MOSTLY * len(negative) and not any(n.startswith(prefix) for n in positive) else None


def has_negative(worths: Sequence[str], mark: str) -> bool:
    return any((number := parse_number(worth, mark)) is not None and number < 0 for worth in worths)


def sniff_currency(values: Iterable[str]) -> str | None:
    """A currency that stands beside the amounts themselves."""
    found: Counter[str] = Counter()
    for value in values:
        text = value.strip()
        found.update(code for sign, code in SIGNS.items() if sign in text)
        if match := CODE.search(text):
            found[match[1] or match[2]] += 1
    return found.most_common(1)[0][0] if found else None
