"""django-waffle's flags, switches and samples as ours, read from its tables in this database.

What it keeps in cookies is not carried over: whoever had a flag by percentage may lose it, and the share stays.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection

from flags.choices import FlagKind
from flags.definition import AT_RANDOM, ON, Constraint, Definition, Operator, Override, Rule
from flags.registry import KEY_MAX_LENGTH, is_key

TABLES = {"waffle_flag", "waffle_switch", "waffle_sample"}

FLAGS = """
SELECT name, everyone, percent, testing, superusers, staff, authenticated, languages, note,
    ARRAY(SELECT auth_group.name FROM waffle_flag_groups JOIN auth_group ON auth_group.id = group_id
        WHERE flag_id = waffle_flag.id ORDER BY 1) AS groups,
    ARRAY(SELECT public_id::text FROM accounts_user
        WHERE (superusers AND is_superuser)
            OR id IN (SELECT user_id FROM waffle_flag_users WHERE flag_id = waffle_flag.id) ORDER BY 1) AS users
FROM waffle_flag ORDER BY name
"""
SWITCHES = "SELECT name, active, note FROM waffle_switch ORDER BY name"
SAMPLES = "SELECT name, percent, note FROM waffle_sample ORDER BY name"


class TablesMissing(Exception):
    """This database has none of waffle's tables."""


class Waffle:
    """What is in the tables, and a sentence for each thing that is not quite the same."""

    def __init__(self) -> None:
        if not set(connection.introspection.table_names()) >= TABLES:
            raise TablesMissing("This database has no tables of django-waffle.")
        self.warnings: list[str] = []
        self.names: set[str] = set()

    def definitions(self) -> Iterator[Definition]:
        for row in rows(FLAGS):
            yield from self.named(row, {"kind": FlagKind.RELEASE, **self.flag_fields(row)})
        for row in rows(SWITCHES):
            yield from self.named(row, {"kind": FlagKind.OPERATIONAL, "enabled": row["active"]})
        for row in rows(SAMPLES):
            share = Rule(id="sample", percent=float(row["percent"]), stickiness=AT_RANDOM)
            yield from self.named(row, {"kind": FlagKind.EXPERIMENT, "enabled": True, "rules": (share,)})

    def named(self, row: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterator[Definition]:
        """The definition under a name that ours may have, once."""
        name = row["name"]
        key = name if is_key(name) else "".join(each if is_key(f"a{each}") else "_" for each in name).strip("_.-")
        key = key[:KEY_MAX_LENGTH]
        if not is_key(key) or key in self.names:
            self.warnings.append(f"{name!r} is left out: its name is taken, or can't be one here.")
            return
        if key != name:
            self.warnings.append(f"{name!r} becomes {key!r}: the code has to ask for that.")
        self.names.add(key)
        yield Definition(key=key, description=row["note"] or "", **fields)

    def flag_fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        if row["everyone"] is not None:
            return {"enabled": row["everyone"]}
        rules = tuple(rules_of(row))
        overrides = tuple(Override(subject=user, variant=ON, reason="named in waffle") for user in row["users"])
        if row["testing"]:
            self.warnings.append(f"{row['name']!r}: its test mode by query parameter has no counterpart.")
        if row["languages"]:
            self.warnings.append(f"{row['name']!r}: the context has to say the language, in a field of this name.")
        if not rules and overrides:
            rules = (Rule(id="nobody-else", percent=0),)
        return {"enabled": bool(rules), "rules": rules, "overrides": overrides}


def rules_of(row: Mapping[str, Any]) -> Iterator[Rule]:
    """Whoever fits any of these has it."""
    if row["authenticated"]:
        yield Rule(id="signed-in", name="Signed in", constraints=(asks("userId", Operator.REGEX, "."),))
    if row["staff"]:
        yield Rule(id="staff", name="Staff", constraints=(asks("isStaff", Operator.IN, "true"),))
    if row["groups"]:
        yield Rule(id="groups", name="Groups", constraints=(asks("groups", Operator.IN, *row["groups"]),))
    if languages := [each.strip() for each in row["languages"].split(",") if each.strip()]:
        yield Rule(id="languages", name="Languages", constraints=(asks("language", Operator.IN, *languages),))
    if row["percent"]:
        yield Rule(id="percent", name="Percentage", percent=float(row["percent"]))


def asks(field: str, operator: Operator, *values: str) -> Constraint:
    return Constraint(field=field, operator=operator, values=values)


def rows(statement: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
