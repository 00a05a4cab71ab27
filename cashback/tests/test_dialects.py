"""One file in five dialects, read by sniffing alone, is one and the same ledger."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from cashback.models import (
    CancellationMatch,
    CashbackEvent,
    Conversion,
    ConversionRevision,
    ImportJob,
    MappingProfile,
    Network,
    Transfer,
)
from cashback.tests.conftest import Books
from cashback.tests.factories import HEADER, balances, line, run

REAL = settings.BASE_DIR.parent / "shared" / "data" / "online_retail_2010-12.csv"
pytestmark = pytest.mark.django_db

Row = list[str]
GERMAN = ["Rechnungsnr", "Artikelnr", "Bezeichnung", "Menge", "Rechnungsdatum", "Einzelpreis", "Kundennr", "Land"]


def retail_rows() -> list[Row]:
    """The real file's lines, or lines of its shape where it does not lie beside the project."""
    text = REAL.read_text() if REAL.exists() else "\n".join([HEADER, *made_up()])
    return list(csv.reader(io.StringIO(text)))[1:]


def made_up() -> Iterable[str]:
    """Invoices of several lines, equal lines, cancellations of each kind, and lines that are of no use."""
    for number in range(120):
        invoice, customer = 536365 + number, f"{17000 + number % 23}.0"
        at = f"2010-12-{1 + number // 10:02d} {8 + number % 10:02d}:{number % 60:02d}:00"
        for item in range(1 + number % 7):
            quantity, price = 1 + item * 3, f"{1 + item}.{(number * 7) % 100:02d}"
            yield line(str(invoice), f"I{item % 5}", quantity, price, customer if number % 9 else "", at=at)
        if number % 11 == 5:
            yield line(f"C{invoice}", "I0", -1, "1.05", f"{17000 + (number - 3) % 23}.0", at=at)
    yield line("600000", "GIFT", 1_200, "1234.5", "17001.0", at="2010-12-24 10:00:00")
    yield line("600001", price="0.0")


def as_it_is(rows: Sequence[Row]) -> bytes:
    return table([HEADER.split(","), *rows], newline="\n").encode()


def semicolons(rows: Sequence[Row]) -> bytes:
    """Excel in German: byte order mark, decimal commas with points between thousands, days first, names translated."""
    converted = [
        [invoice, item, text, quantity, day_first(at), comma(price), customer.replace(".", ","), country]
        for invoice, item, text, quantity, at, price, customer, country in rows
    ]
    return b"\xef\xbb\xbf" + table([GERMAN, *converted], newline="\r\n", delimiter=";").encode()


def tabs(rows: Sequence[Row]) -> bytes:
    """An old export: Latin-1, with letters that are no UTF-8, and dates with points."""
    converted = [[*row[:2], f"{row[2]} £é", row[3], dotted(row[4]), *row[5:]] for row in rows]
    return table([HEADER.split(","), *converted], newline="\n", delimiter="\t").encode("latin-1")


def line_breaks(rows: Sequence[Row]) -> bytes:
    """CRLF, and cells that hold line ends, quotes and delimiters."""
    converted = [[*row[:2], f'{row[2]},\r\n"{number}"\n', *row[3:]] for number, row in enumerate(rows)]
    return table([HEADER.split(","), *converted], newline="\r\n", quoting=csv.QUOTE_ALL).encode()


def blank_lines(rows: Sequence[Row]) -> bytes:
    """A title, blank lines everywhere, and the header twice."""
    lines = as_it_is(rows).decode().splitlines()
    spread = [text for number, each in enumerate(lines) for text in ([each, ""] if number % 5 == 0 else [each])]
    return "\n".join(["", "Sales report", "", lines[0], "", *spread, "", ""]).encode()


DIALECTS: dict[str, Callable[[Sequence[Row]], bytes]] = {
    each.__name__: each for each in (as_it_is, semicolons, tabs, line_breaks, blank_lines)
}


def table(rows: Sequence[Row], *, newline: str, **dialect: Any) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=newline, **dialect).writerows(rows)
    return buffer.getvalue()


def day_first(at: str) -> str:
    return datetime.fromisoformat(at).strftime("%d/%m/%Y %H:%M")


def dotted(at: str) -> str:
    return datetime.fromisoformat(at).strftime("%d.%m.%Y %H:%M:%S")


def comma(price: str) -> str:
    """`1234.5` as `1.234,50`, without losing a digit."""
    text = f"{float(price):,.3f}" if price else ""
    return text.replace(",", " ").replace(".", ",").replace(" ", ".")


def ledger(job: ImportJob) -> dict[str, Any]:
    """Everything that an import leaves behind, without the ids that differ from run to run."""
    return {
        "state": (job.state, job.lines, job.rejected, job.conversions, job.clawbacks),
        "reasons": job.reasons,
        "conversions": rows_of(
            Conversion, "external_id", "part", "gross_minor", "cancelled_minor", "lines", "occurred_at", "buyer_ref",
            "currency", "content_hash",
        ),
        "revisions": rows_of(ConversionRevision, "conversion__external_id", "gross_minor", "cancelled_minor"),
        "matches": rows_of(CancellationMatch, "purchase__external_id", "cancellation__external_id", "item", "quantity"),
        "events": rows_of(
            CashbackEvent, "conversion__external_id", "original_minor", "clawed_back_minor", "state", "hold_until"
        ),
        "transfers": rows_of(Transfer, "amount_minor", "reason", "credit__owner__email", "debit__owner__email"),
        "balances": balances(),
    }  # fmt: skip


def rows_of(model: Any, *fields: str) -> list[tuple[Any, ...]]:
    return sorted(model.objects.values_list(*fields), key=str)


@pytest.fixture(scope="module")
def expected(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> dict[str, Any]:
    """What the file as it is brings; undone again."""
    from django.db import transaction

    path = tmp_path_factory.mktemp("retail") / "retail.csv"
    path.write_bytes(as_it_is(retail_rows()))
    with django_db_blocker.unblock(), transaction.atomic():
        found = ledger(run(path))
        transaction.set_rollback(True)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
def test_any_dialect__is_the_same_ledger(
    tmp_path: Path, network: Network, broken: Books, expected: dict[str, Any], dialect: str
) -> None:
    path = tmp_path / f"{dialect}.csv"
    path.write_bytes(DIALECTS[dialect](retail_rows()))

    job = run(path, network=network)

    found = ledger(job)
    assert found["state"] == expected["state"]
    assert {name for name in expected if found[name] != expected[name]} == set()
    assert expected["matches"]
    assert broken() == {}
    assert job.profile is not None
    assert MappingProfile.objects.filter(network=network).count() == (
        1 if dialect in ("as_it_is", "line_breaks", "blank_lines") else 2
    )


@pytest.mark.slow
def test_line_breaks_in_cells__are_no_end_of_a_chunk(
    tmp_path: Path, network: Network, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cashback.services.imports import staging

    monkeypatch.setattr(staging, "CHUNK_LINES", 200)
    path = tmp_path / "breaks.csv"
    path.write_bytes(line_breaks(retail_rows()))

    goes = 0
    while not (job := run(path, network=network, after_chunk=lambda _: False)).is_finished:
        goes += 1

    assert goes > 2
    assert ledger(job)["balances"] == expected["balances"]
    assert ledger(job)["state"] == expected["state"]
