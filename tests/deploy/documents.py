"""Runbooks and pages about the monitoring: their commands and queries, to be run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.deploy.files import ROOT

RUNBOOKS = ROOT / "docs" / "runbooks"
PAGES = ROOT / "docs" / "monitoring"
READINESS = ROOT / "docs" / "PRODUCTION_READINESS.md"
DOCUMENTS = [file for file in sorted([*RUNBOOKS.glob("*.md"), *PAGES.glob("*.md"), READINESS]) if file.exists()]

BLOCK = re.compile(r"^( *)```(?P<words>[^\n]+)\n(?P<text>.*?)^ *```", re.MULTILINE | re.DOTALL)

# What PromQL consists of beside names of series.
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
MATCHERS = re.compile(r"\{[^}]*\}")
RANGE = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
NAME = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\b(?!\s*\()")
WORDS = {"and", "or", "unless", "bool", "inf", "nan"}


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block: language, how it is tested, where it stands, what it says."""

    file: Path
    language: str
    tags: tuple[str, ...]
    text: str

    @property
    def place(self) -> str:
        return str(self.file.relative_to(ROOT))

    @property
    def commands(self) -> list[str]:
        """Commands of a shell block: a line that ends with a backslash goes on."""
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        return [
            line.partition(" # ")[0].strip() for line in lines if line.strip() and not line.lstrip().startswith("#")
        ]


def blocks(language: str, tag: str = "") -> list[Block]:
    """Fenced blocks of all documents, of a language and with a tag."""
    return [block for block in all_blocks() if block.language == language and (not tag or tag in block.tags)]


@cache
def all_blocks() -> tuple[Block, ...]:
    return tuple(read_blocks())


def read_blocks() -> Iterator[Block]:
    for file in DOCUMENTS:
        for found in BLOCK.finditer(file.read_text()):
            language, *tags = found["words"].split()
            text = re.sub(rf"^{found[1]}", "", found["text"], flags=re.MULTILINE)
            yield Block(file=file, language=language, tags=tuple(tags), text=text.strip())


def series_of(query: str) -> set[str]:
    """Names of the series that a query asks for."""
    bare = STRING.sub('""', query)
    named = set(re.findall(r'__name__=~?""', bare))
    assert not named, f"a series by pattern: {query}"
    for noise in (GROUPING, MATCHERS, RANGE):
        bare = noise.sub(" ", bare)
    return {name for name in NAME.findall(bare) if name.lower() not in WORDS}


def sections(file: Path) -> dict[str, str]:
    """Heading of the second level → its text."""
    parts = re.split(r"^## (.+)$", file.read_text(), flags=re.MULTILINE)
    return {heading.strip(): text.strip() for heading, text in zip(parts[1::2], parts[2::2], strict=True)}
