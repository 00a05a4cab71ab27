"""Models out of written statements: Django takes longer to put one together than PostgreSQL to answer it."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models

Kinds = Sequence[type[models.Model]]


def columns_of(*kinds: type[models.Model]) -> str:
    """All columns of these tables, for the head of a SELECT."""
    return ", ".join(
        f'{kind._meta.db_table}."{field.column}"' for kind in kinds for field in kind._meta.concrete_fields
    )


def instances_of(kinds: Kinds, row: Sequence[Any]) -> list[Any]:
    """One of each, from a row that begins with `columns_of` them. JSON stays text."""
    instances, begin = [], 0
    for kind in kinds:
        names = attributes(kind)
        instances.append(kind.from_db(DEFAULT_DB_ALIAS, names, row[begin : begin + len(names)]))
        begin += len(names)
    return instances


@cache
def attributes(kind: type[models.Model]) -> list[str]:
    """The names of a model's columns, as its instances have them."""
    return [field.attname for field in kind._meta.concrete_fields]
