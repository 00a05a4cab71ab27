"""System checks: a name that is asked for must be declared somewhere, or it is a typo."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  Django's name

from flags import bootstrap
from flags.registry import declared, hint

ASKING = {
    *("is_enabled", "get_value", "evaluate", "ais_enabled", "aget_value", "aevaluate"),
    *("flag_required", "flag_enabled"),
}
MAY_ASK = tuple(f"{name}(" for name in ASKING)
TAG = re.compile(r"""\{%\s*flag\s+["']([^"']+)["']\s*%\}""")


@register
def flags_are_declared(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Every literal name that our apps check, in code and in templates, is declared."""
    return [
        Warning(
            f"{path.relative_to(settings.BASE_DIR)}:{line} asks for the flag {name!r}, which nothing declares.",
            hint=hint(name, declared) or "flags.declare() it where it is used.",
            id="flags.W001",
        )
        for config in app_configs or apps.get_app_configs()
        for path, line, name in names_asked_for(Path(config.path))
        if name not in declared
    ]


@register
def bootstrap_can_be_read(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The day on which the file is needed is too late to find out."""
    if not settings.FLAGS_BOOTSTRAP:
        return []
    try:
        bootstrap.read(Path(settings.FLAGS_BOOTSTRAP))
    except (OSError, ValueError) as error:
        hint = "Write it with `manage.py flags export`."
        return [Error(f"FLAGS_BOOTSTRAP can't be read: {error}", hint=hint, id="flags.E001")]
    return []


def names_asked_for(folder: Path) -> Iterator[tuple[Path, int, str]]:
    """File, line and name of each literal check below a folder of this site, tests left out."""
    if not folder.is_relative_to(settings.BASE_DIR) or "site-packages" in folder.parts:
        return
    for pattern, names_in in (("*.py", names_in_code), ("*.html", names_in_template)):
        for path in sorted(folder.rglob(pattern)):
            if "tests" not in path.parts:
                for line, name in names_in(path.read_text()):
                    yield path, line, name


def names_in_template(source: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.splitlines(), 1):
        for name in TAG.findall(line):
            yield number, name


def names_in_code(source: str) -> Iterator[tuple[int, str]]:
    # Every command and every process checks: what never asks is not parsed.
    if not any(words in source for words in MAY_ASK):
        return
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(value=str(name)), *_]
            ):
                if called in ASKING:
                    yield node.lineno, name
