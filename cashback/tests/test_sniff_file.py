"""Working out how a file is written; what can't be told is asked, not guessed."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from cashback.parsing import (
    GoodLine,
    LineReader,
    NoText,
    Proposal,
    dialect_from,
    read_header,
    read_records,
    sniff,
)
from cashback.parsing.numbers import parse_number
from cashback.tests.factories import HEADER, line

ROWS = [
    line(str(number), f"I{number}", number, f"{number}.25", at=f"2010-12-{number:02d} 08:26:00")
    for number in range(10, 20)
]
RETAIL = "\n".join([HEADER, *ROWS, ""])


def propose(text: str | bytes, *templates: dict[str, Any], encoding: str = "utf-8") -> Proposal:
    content = text.encode(encoding) if isinstance(text, str) else text
    return sniff(lambda: stretches(content), templates=templates, is_one_network=True)


def stretches(content: bytes, start: int = 0, size: int = 1000) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(start, len(content), size))


def codes(findings: Sequence[Any]) -> dict[str, str]:
    return {finding.about: finding.code for finding in findings}


def lines_of(content: bytes, proposal: Proposal) -> list[object]:
    """The file as the proposal reads it, begun anew behind each record as after a kill."""
    dialect = dialect_from({**proposal.mapping, "currency": "GBP"})
    header, at = read_header(stretches(content), dialect)
    reader = LineReader(dialect, header, latest=datetime(2026, 5, 4, tzinfo=UTC))
    found = []
    while record := next(read_records(stretches(content, at), dialect, offset=at), None):
        found.append(reader.read(record.cells))
        at = record.end
    return found


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
def test_delimiter__is_the_one_that_splits_all_lines_alike(delimiter: str) -> None:
    assert propose(RETAIL.replace(",", delimiter)).mapping["delimiter"] == delimiter


@pytest.mark.parametrize(("quote", "cell"), [('"', '"A, ""B"""'), ("'", "'A, B'")])
def test_quotes__are_found_by_what_they_hold_together(quote: str, cell: str) -> None:
    proposal = propose(RETAIL.replace("WHITE METAL LANTERN", cell))

    assert (proposal.mapping["quote"], proposal.mapping["delimiter"], proposal.confidence > 0.6) == (quote, ",", True)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8-sig"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
def test_encoding__is_read_from_any_record_on(encoding: str, found: str) -> None:
    content = RETAIL.replace("WHITE", "WEISS – käse").replace("I15", "Ü15").encode(encoding)

    proposal = propose(content)

    assert proposal.mapping["encoding"] == found
    lines = lines_of(content, proposal)
    assert all(isinstance(each, GoodLine) for each in lines)
    assert [each.item for each in lines if isinstance(each, GoodLine)][5] == "Ü15"


def test_letter_at_the_very_end__tells_the_encoding() -> None:
    content = (RETAIL * 400 + line("1", "KÄSE") + "\n").encode("cp1252")

    assert propose(content).mapping["encoding"] == "cp1252"


def test_few_broken_characters__are_told() -> None:
    content = RETAIL.replace("WHITE", "KÄSE").encode().replace(b"I15", b"I\xff5")

    proposal = propose(content)

    assert proposal.mapping["encoding"] == "utf-8-sig"
    assert codes(proposal.warnings)["encoding"] == "broken_characters"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("%d/%m/%Y %H:%M", None),
        ("%m/%d/%Y %H:%M:%S", None),
        ("%d.%m.%Y", None),
        ("%Y-%m-%dT%H:%M:%S", None),
        ("%d-%b-%Y", None),
        ("%m/%d/%y %I:%M %p", None),
        ("%Y%m%d", None),
    ],
    ids=str,
)
def test_form_of_dates__is_found(form: str, expected: None) -> None:
    rows = [line(str(day), at=datetime(2010, 12, day, 8, 26, tzinfo=UTC).strftime(form)) for day in range(5, 20)]

    proposal = propose("\n".join([HEADER, *rows]))

    assert proposal.mapping["date_format"] == form
    assert "date_format" not in codes(proposal.questions)


def test_first_date_that_can_be_only_one__decides_wherever_it_is() -> None:
    rows = [line(str(number), at=f"0{1 + number % 9}/0{1 + number % 7}/2010") for number in range(6000)]

    assert codes(propose("\n".join([HEADER, *rows])).questions)["date_format"] == "ambiguous_date"
    decided = propose("\n".join([HEADER, *rows, line("9", at="25/03/2010")]))
    assert (decided.mapping["date_format"], codes(decided.questions).get("date_format")) == ("%d/%m/%Y", None)


@pytest.mark.parametrize(("form", "other"), [("%d/%m/%Y", "%m/%d/%Y"), ("%m/%d/%Y", "%d/%m/%Y")])
def test_days_in_a_row__are_likely_and_told(form: str, other: str) -> None:
    rows = [line(str(day), at=datetime(2010, 12, day, tzinfo=UTC).strftime(form)) for day in (1, 2, 3, 4, 5)]

    proposal = propose("\n".join([HEADER, *rows]))

    assert proposal.mapping["date_format"] == form != other
    assert codes(proposal.warnings)["date_format"] == "inferred_date"
    assert proposal.confidence < 0.9


@pytest.mark.parametrize(
    ("prices", "mark"),
    [
        (["1,50", "2,25"], ","),
        (["1.50", "2.25"], "."),
        (["1.234,5", "12"], ","),
        (["1,234.5", "12"], "."),
        (["1.234.567", "1,5"], ","),
    ],
    ids=str,
)
def test_decimal_mark__is_the_last_one(prices: list[str], mark: str) -> None:

    rows = [
        line(str(number), price="PRICE").replace(",", ";").replace("PRICE", price)
        for number, price in enumerate(prices)
    ]

    assert propose("\n".join([HEADER.replace(",", ";"), *rows])).mapping["decimal_mark"] == mark


def test_numbers_that_can_be_read_both_ways__are_asked_about() -> None:
    rows = [line(str(number), price="1.234", customer="7") for number in range(3)]

    assert codes(propose("\n".join([HEADER, *rows])).questions)["decimal_mark"] == "ambiguous_number"


@pytest.mark.parametrize(
    ("text", "mark", "number"),
    [
        ("1,234.50", ".", "1234.5"),
        ("1.234,50", ",", "1234.5"),
        ("(30.00)", ".", "-30"),
        ("12.5-", ".", "-12.5"),
        ("-$1,099.00", ".", "-1099"),
        ("£ 5", ".", "5"),
        ("EUR 5", ".", "5"),
        ("1 234,5", ",", "1234.5"),
        ("1\u00a0234,5", ",", "1234.5"),
        ("1'234.5", ".", "1234.5"),
        ("1,5", ".", None),
        ("1.5", ",", None),
        ("1,23,456", ".", None),
        ("--5", ".", None),
        ("1e5", ".", None),
        ("NaN", ".", None),
        ("٣", ".", None),
        ("", ".", None),
        (".", ".", None),
        ("1" * 40, ".", None),
    ],
)
def test_number__is_read_as_it_is_written_or_not_at_all(text: str, mark: str, number: str | None) -> None:
    found = parse_number(text, mark)

    assert (f"{found:f}" if found is not None else None) == number


def test_cancellations__are_told_by_the_letters_before_their_numbers() -> None:
    rows = [*ROWS, line("STO77", quantity=-2), line("STO78", quantity=-1)]

    mapping = propose("\n".join([HEADER, *rows])).mapping

    assert (mapping["signs"], mapping["cancellation_prefix"]) == ("prefix", "STO")


def test_negative_lines_without_letters__are_the_cancellations() -> None:
    mapping = propose("\n".join([HEADER, *ROWS, line("10", quantity=-2)])).mapping

    assert (mapping["signs"], mapping["cancellation_prefix"]) == ("negative", "")


@pytest.mark.parametrize(
    "header",
    [
        "Bestellnummer;Kundennummer;Bestelldatum;Betrag;Währung;Status",
        "N° de commande;N° client;Date commande;Montant;Devise;Statut",
        "Order ID;SID;Event Date;Sale Amount;Currency;Commission Status",
        "Numero ordine;Codice cliente;Data ordine;Importo;Valuta;Stato",
    ],
)
def test_names_of_columns__are_known_in_several_languages(header: str) -> None:
    text = f"{header}\n1;anna;2026-03-20;10,50;EUR;approved\n2;ben;2026-03-21;8,00;EUR;declined\n"

    proposal = propose(text)

    names = header.split(";")
    assert proposal.mapping["columns"] == dict(
        zip(("external_id", "buyer", "occurred_at", "amount", "currency", "status"), names, strict=True)
    )
    assert proposal.mapping["statuses"] == {"approved": "approved", "declined": "declined"}
    assert (proposal.mapping["replaces"], proposal.mapping["decimal_mark"], proposal.questions) == (True, ",", [])


def test_columns_without_known_names__are_found_by_what_stands_in_them() -> None:
    proposal = propose("Order ID,SID,Wann,Wieviel,Worin\n1,anna,2026-03-20,10.50,EUR\n2,ben,2026-03-21,8.00,EUR\n")

    columns = proposal.mapping["columns"]
    assert (columns["occurred_at"], columns["amount"], columns["currency"]) == ("Wann", "Wieviel", "Worin")
    assert proposal.confidence < 0.7


def test_unknown_state__is_asked_about() -> None:
    proposal = propose("Order ID,SID,Date,Amount,Status\n1,anna,2026-03-20,10.50,limbo\n2,ben,2026-03-21,8.00,paid\n")

    assert codes(proposal.questions)["statuses"] == "unknown_status"


def test_currency_beside_the_amounts__is_taken() -> None:
    proposal = propose("Order ID,SID,Date,Amount\n1,anna,2026-03-20,£10.50\n2,ben,2026-03-21,£8.00\n")

    assert (proposal.mapping["currency"], codes(proposal.questions)) == ("GBP", {})


def test_no_currency_anywhere__is_asked_about() -> None:
    assert codes(propose(RETAIL).questions) == {"currency": "no_currency"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xef\xbb\xbf",
        b" \n\n",
        b"PK\x03\x04xx",
        b"%PDF-1.7 x",
        bytes(range(256)),
        b"hello world\n" * 9,
        b"a,b\n1,2\n",
    ],
    ids=["empty", "mark", "blank", "zip", "pdf", "bytes", "prose", "two columns"],
)
def test_no_table__is_refused(content: bytes) -> None:
    with pytest.raises(NoText):
        propose(content)
