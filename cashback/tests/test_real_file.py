"""Ten thousand real lines, when they are there."""

import csv
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from cashback.models import Conversion, ImportJob, Network
from cashback.tests.conftest import Books
from cashback.tests.factories import balances, import_lines, run, split, worth

REAL = settings.BASE_DIR.parent / "shared" / "data" / "online_retail_2010-12.csv"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.skipif(not REAL.exists(), reason="the Online Retail file does not lie beside the project"),
]


@pytest.fixture(scope="module")
def lines() -> Sequence[str]:
    return REAL.read_text().splitlines()[1:]


@pytest.fixture
def job(db: None) -> ImportJob:
    return run(REAL)


def test_real_file__gives_known_figures(job: ImportJob, network: Network, broken: Books) -> None:
    assert (job.state, job.lines, job.rejected, job.conversions, job.clawbacks) == (
        "done_with_errors",
        10_000,
        2_292,
        444,
        10,
    )
    assert job.reasons == {"missing_customer": 2_291, "missing_price": 46, "bad_quantity": 30}
    assert sum(original for original, _ in worth(network).values()) == 741_057
    assert sum(clawed for _, clawed in worth(network).values()) == 920
    assert len(balances()) == 303
    assert sum(pending for pending, _ in balances().values()) == 740_137
    assert broken() == {}


def test_every_invoice__is_the_sum_of_its_lines(job: ImportJob) -> None:
    expected: dict[str, Decimal] = {}
    for row in csv.DictReader(REAL.read_text().splitlines()):
        if row["CustomerID"] and Decimal(row["UnitPrice"]):
            amount = int(row["Quantity"]) * Decimal(row["UnitPrice"])
            expected[row["InvoiceNo"]] = expected.get(row["InvoiceNo"], Decimal()) + amount

    found = dict(Conversion.objects.values_list("external_id", "gross_minor"))

    assert found == {number: int(total * 100) for number, total in expected.items()}


def test_shuffled_or_in_pieces_afterwards__changes_nothing(
    job: ImportJob, network: Network, lines: Sequence[str], tmp_path: Path, broken: Books
) -> None:
    before = (worth(network), balances())

    later = [import_lines(tmp_path, part) for part in [mixed(lines, 1), *split(lines, 3), *split(mixed(lines, 2), 2)]]

    assert {(each.created_count, each.amended_count, each.clawbacks) for each in later} == {(0, 0, 0)}
    assert (worth(network), balances()) == before
    assert broken() == {}


@pytest.mark.parametrize("way", ["mixed", "cut", "cut, in any order", "mixed and cut", "one line here, one there"])
def test_in_pieces__gives_what_the_whole_gives(
    network: Network, lines: Sequence[str], tmp_path: Path, broken: Books, way: str
) -> None:
    pieces = {
        "mixed": [mixed(lines, 1)],
        "cut": list(split(lines, 10)),
        "cut, in any order": mixed(list(split(lines, 10)), 3),
        "mixed and cut": list(split(mixed(lines, 4), 4)),
        "one line here, one there": [lines[start::3] for start in range(3)],
    }[way]

    jobs = [import_lines(tmp_path, piece) for piece in pieces]

    assert sum(job.rejected for job in jobs) == 2_292
    assert sum(original for original, _ in worth(network).values()) == 741_057
    assert sum(clawed for _, clawed in worth(network).values()) == 920
    assert sum(pending for pending, _ in balances().values()) == 740_137
    assert broken() == {}


def mixed(items: Sequence[object], seed: int) -> list[object]:
    items = list(items)
    random.Random(seed).shuffle(items)
    return items
