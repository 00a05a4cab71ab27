"""Which column is which: by a profile's names, by the names that others use, or by what stands in it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cashback.parsing.sniffing.amounts import is_numeric
from cashback.parsing.sniffing.dates import sniff_date
from cashback.parsing.sniffing.names import NAMES, STATUSES, field_of, rank_of

SURE, NAMED, GUESSED = 1.0, 0.9, 0.6
CURRENCY = re.compile("[A-Za-z]{3}")

Template = Mapping[str, Any]


class Columns(NamedTuple):
    """Field → column, and how sure that is."""

    columns: dict[str, str]
    confidence: float
    template: Template | None


def sniff_columns(header: Sequence[str], rows: Sequence[Sequence[str]], templates: Iterable[Template]) -> Columns:
    """The first known profile whose columns are all there; or else names and contents."""
    for template in templates:
        if set(template["columns"].values()) <= set(header):
            return Columns(dict(template["columns"]), SURE, template)
    named = by_name(header)
    guessed = by_content(header, rows, named)
    return Columns(named | guessed, GUESSED if guessed else NAMED, None)


def by_name(header: Sequence[str]) -> dict[str, str]:
    """Of several columns for one field, the one with the surest name."""
    found: dict[str, str] = {}
    for name in sorted((name for name in header if field_of(name)), key=rank_of):
        if header.count(name) == 1:
            found.setdefault(field_of(name) or "", name)
    return worth_once(found)


def worth_once(found: dict[str, str]) -> dict[str, str]:
    """A price needs a quantity; where both are there, the total beside them is not looked at."""
    if {"quantity", "unit_price"} <= found.keys():
        found.pop("amount", None)
    elif "unit_price" in found and "amount" not in found:
        found["amount"] = found.pop("unit_price")
    elif "amount" in found:
        found.pop("unit_price", None)
    return {field: found[field] for field in NAMES if field in found}


def by_content(header: Sequence[str], rows: Sequence[Sequence[str]], named: Mapping[str, str]) -> dict[str, str]:
    """A date and an amount that only one unnamed column can be."""
    free = {name: [row[at] for row in rows] for at, name in enumerate(header) if name and name not in named.values()}
    found: dict[str, str] = {}
    dates = [name for name, values in free.items() if sniff_date(values)]
    if "occurred_at" not in named and len(dates) == 1:
        found["occurred_at"] = dates[0]
    worth = [name for name, values in free.items() if name not in dates and has_decimals(values)]
    if not {"unit_price", "amount"} & named.keys() and len(worth) == 1:
        found["unit_price" if "quantity" in named else "amount"] = worth[0]
    currencies = [name for name, values in free.items() if are_currencies(values)]
    if "currency" not in named and len(currencies) == 1:
        found["currency"] = currencies[0]
    return found


def has_decimals(values: Sequence[str]) -> bool:
    return any(is_numeric(values, mark) and any(mark in value for value in values) for mark in ".,")


def are_currencies(values: Sequence[str]) -> bool:
    words = {value.strip() for value in values}
    return bool(words) and len(words) <= 12 and all(CURRENCY.fullmatch(word) and word.isupper() for word in words)


def statuses_of(words: Iterable[str], known: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What a file's states mean, and those of which nobody knows it."""
    seen = {word.strip().lower() for word in words if word.strip()}
    meanings = {**STATUSES, **known}
    return {**known, **{word: meanings[word] for word in seen if word in meanings}}, sorted(seen - meanings.keys())
