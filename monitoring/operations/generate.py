"""Writes what the catalogue says: rules with their tests, dashboards, the list of series, first drafts of runbooks."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper

from monitoring.catalogue import contract, dashboards, document, rules, runbooks, scenarios

HELP = "Writes rules, their tests, dashboards and documents from the catalogue."

# Folders in which every file is written from here: one that nothing asks for any more is removed.
OWN_FOLDERS = {rules.FOLDER: "*.yml", scenarios.FOLDER: "*.yml", dashboards.FOLDER: "*.json"}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file differs")


def run(*, stdout: OutputWrapper, check: bool, **options: Any) -> str:
    root = Path(settings.BASE_DIR)
    differing = dict(changes(root))
    if check and differing:
        raise CommandError(f"Not what the catalogue says: {', '.join(sorted(differing))}", returncode=1)
    for path, content in differing.items():
        put(root / path, content)
        stdout.write(f"{'removed' if content is None else 'wrote'} {path}")
    return f"Done: {len(differing)} files changed"


def changes(root: Path) -> Iterator[tuple[str, str | None]]:
    """Path → content of what differs; None for a file that has no reason to be any more."""
    wanted = generated(root)
    for path, content in wanted.items():
        if not (root / path).exists() or (root / path).read_text() != content:
            yield path, content
    yield from ((path, content) for path, content in runbooks.files().items() if not (root / path).exists())
    present = (file for folder, names in OWN_FOLDERS.items() for file in sorted((root / folder).glob(names)))
    yield from ((path, None) for file in present if (path := str(file.relative_to(root))) not in wanted)


def generated(root: Path) -> dict[str, str]:
    """Path below the repository → content, of all that is written anew each time."""
    return {
        **rules.files(),
        **scenarios.files(),
        **dashboards.files(),
        **document.files(),
        **contract.files(root),
    }


def put(file: Path, content: str | None) -> None:
    if content is None:
        file.unlink()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
