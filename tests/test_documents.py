import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.deploy.files import ROOT, services, settings_variables

DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
MAP = (ROOT / "docs" / "map.md").read_text()
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)")
NAME = re.compile(r"`([A-Z][A-Z_]+)`")
ARROW = re.compile(r"^    (\w+)(?:\[.*?\])? --> (\w+)$", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_links_of_a_document__lead_somewhere(document: Path) -> None:
    broken = [link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()]

    assert broken == []


def test_settings__are_explained_to_operators() -> None:
    table = OPERATIONS[OPERATIONS.index("## Settings") : OPERATIONS.index("## Backup")]
    explained = {name for row in re.findall(r"^\|([^|]*)\|", table, re.MULTILINE) for name in NAME.findall(row)}
    example = set(re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert explained == example | set(settings_variables()) | {
        name for name, value in services()["web"]["environment"].items() if value is not None
    }


@pytest.mark.parametrize("name", ["web", "worker", "importer", "relay", "exporter"])
def test_processes__are_listed_with_the_port_where_they_answer(name: str) -> None:
    (row,) = re.findall(rf"^\| {name}: .*$", OPERATIONS, re.MULTILINE)
    port = services()[name]["healthcheck"]["test"][-1]

    assert f"| {port} |" in row


def test_map__has_an_arrow_from_every_app_to_the_next() -> None:
    ours = {app for app in settings.INSTALLED_APPS if (ROOT / app).is_dir()} - {"coupon_site"}

    arrows = dict(ARROW.findall(MAP[: MAP.index("## Files")]))

    chain = ["wiring"]
    while chain[-1] != "leafs":
        chain.append(arrows[chain[-1]])
    assert set(chain[1:-1]) == ours


def test_decisions__are_numbered_in_a_row() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    for number, file in enumerate(files, start=1):
        assert file.name.startswith(f"{number:04}-")
        assert file.read_text().startswith(f"# {number}. ")
