"""Nothing that the source documents name is missing."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.deploy.seeds import CHECKS, Row, has_test, rows

ROWS = list(rows())
KINDS = {"M": 51, "P": 37, "PF": 3, "A": 31, "R": 11, "E": 13, "T": 12, "O": 22, "C": 21}
# Rows that became two or three.
PARTS = {"M25": "ab", "M38": "abc", "M41": "ab", "M44": "ab", "M46": "abc"}
ALL = {
    f"{kind}{number}{part}"
    for kind, last in KINDS.items()
    for number in range(1, last + 1)
    for part in PARTS.get(f"{kind}{number}", [""])
}


def kind_of(row: Row) -> str:
    return row.name.rstrip("abc0123456789")


def test_rows__are_all_there() -> None:
    assert {row.name for row in ROWS} == ALL


def test_every_row__has_what_fulfils_it_and_a_test_that_proves_it(
    record_property: Callable[[str, object], None],
) -> None:
    lacking = {row.name: row.problems for row in ROWS if row.problems}

    total, whole = Counter(map(kind_of, ROWS)), Counter(kind_of(row) for row in ROWS if row.name not in lacking)
    parts = ", ".join(f"{kind} {whole[kind]}/{total[kind]}" for kind in KINDS)
    record_property("summary", f"Seeds: {whole.total()}/{total.total()} rows have artefact and test ({parts})")
    assert lacking == {}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row__names_its_seeds(row: Row) -> None:
    assert set(row.seeds) <= {"000", "001", "002", "003", "004"}
    assert row.seeds
    assert row.what


@pytest.mark.parametrize("kind", CHECKS)
def test_artefact_that_is_not_there__is_noticed(kind: str) -> None:
    assert not CHECKS[kind]("nothing-of-that-name: nowhere")


def test_test_that_is_not_there__is_noticed() -> None:
    assert not has_test("tests/deploy/test_seeds.py::test_nothing")
    assert not has_test("tests/deploy/test_nothing.py::test_rows__are_all_there")
    assert has_test("tests/deploy/test_seeds.py::test_rows__are_all_there")
