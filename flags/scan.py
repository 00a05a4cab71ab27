"""Where the code names flags: quoted, as code in any language does it."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from flags.registry import KEY_MAX_LENGTH

SUFFIXES = {
    *(".py", ".pyi", ".html", ".txt", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".vue", ".svelte", ".go", ".java", ".kt"),
    *(".rb", ".php", ".cs", ".swift", ".rs", ".yml", ".yaml", ".json", ".toml", ".sh"),
}
SKIPPED = {"node_modules", "__pycache__", "var", "venv", "site-packages", "migrations", "tests", "dist", "build"}
LARGEST_BYTES = 1_000_000
QUOTED = re.compile(rf"""(["'`])([^"'`\s]{{1,{KEY_MAX_LENGTH}}})\1""")
# A name without dots is a word like others: only lines that speak of flags count.
SPEAKS_OF_FLAGS = re.compile(r"flag|enabled|evaluate|get_?value|declare|feature|toggle", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A line that names a flag; `path` from the folder that was searched."""

    key: str
    path: str
    line: int
    text: str


def references(root: Path, keys: Collection[str]) -> list[Reference]:
    """Every line below a folder that names one of these flags; hidden folders, tests and large files are left out."""
    known = frozenset(keys)
    return sorted({found for path in source_files(root) for found in references_in(path, root, known)})


def source_files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if path.suffix in SUFFIXES and not path.is_symlink() and path.stat().st_size <= LARGEST_BYTES:
                yield path


def references_in(path: Path, root: Path, keys: frozenset[str]) -> Iterator[Reference]:
    text = path.read_text(errors="replace")
    if not any(key in text for key in keys):
        return
    for number, line in enumerate(text.splitlines(), 1):
        for _, key in QUOTED.findall(line):
            if key in keys and ("." in key or SPEAKS_OF_FLAGS.search(line)):
                yield Reference(key, path.relative_to(root).as_posix(), number, line.strip()[:300].replace("\x00", ""))
