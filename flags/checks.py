"""System checks: a name that is asked for must be declared somewhere, or it is a typo."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004  Django's name

from flags.registry import declared, hint

CALL = re.compile(r"\bis_enabled\(")


@register
def flags_are_declared(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Every literal name in `is_enabled("…")` of our apps is declared."""
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


def names_asked_for(folder: Path) -> Iterator[tuple[Path, int, str]]:
    """File, line and name of each literal check below a folder of this site, tests left out."""
    if not folder.is_relative_to(settings.BASE_DIR) or "site-packages" in folder.parts:
        return
    for path in sorted(folder.rglob("*.py")):
        if "tests" not in path.parts and CALL.search(source := path.read_text()):
            for call in calls(ast.parse(source)):
                match call.args:
                    case [ast.Constant(value=str(name)), *_]:
                        yield path, call.lineno, name


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls of is_enabled() in a module."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="is_enabled") | ast.Attribute(attr="is_enabled")):
                yield node
