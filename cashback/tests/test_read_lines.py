"""Reading files: what lines say, why they are rejected, and where each ends."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cashback.parsing import BadLine, Dialect, GoodLine, LineReader, UnreadableHeader, read_header, read_records
from cashback.tests.factories import HEADER, line

NOW = datetime(2026, 5, 4, tzinfo=UTC)
RETAIL = Dialect(
    columns={
        "external_id": "InvoiceNo",
        "item": "StockCode",
        "quantity": "Quantity",
        "occurred_at": "InvoiceDate",
        "unit_price": "UnitPrice",
        "buyer": "CustomerID",
    },
    delimiter=",",
    decimal_mark=".",
    date_format="%Y-%m-%d %H:%M:%S",
    zone=ZoneInfo("Europe/London"),
    encoding="utf-8-sig",
    currency="GBP",
    cancellation_prefix="C",
)
GERMAN = replace(
    RETAIL,
    delimiter=";",
    decimal_mark=",",
    date_format="%d.%m.%Y %H:%M",
    encoding="cp1252",
    zone=ZoneInfo("Europe/Berlin"),
)


def read(content: bytes, dialect: Dialect = RETAIL, *, stretch: int = 7) -> list[GoodLine | BadLine]:
    """Every line of a file that comes in stretches of a few bytes."""
    header, start = read_header(stretches(content, stretch), dialect)
    reader = LineReader(dialect, header, latest=NOW)
    return [
        reader.read(record.cells) for record in read_records(stretches(content[start:], stretch), dialect, offset=start)
    ]


def read_one(text: str) -> GoodLine | BadLine:
    [found] = read(f"{HEADER}\n{text}\n".encode())
    return found


def stretches(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def test_purchase__says_all_it_has() -> None:
    found = read_one(line("536365", "85123A", 6, "2.55", "17850.0", at="2010-06-01 08:26:00"))

    assert isinstance(found, GoodLine)
    assert found[:7] == ("536365", "", False, "17850", "85123A", 6, 1530)
    assert found.occurred_at == datetime(2010, 6, 1, 7, 26, tzinfo=UTC)  # summer in London


def test_cancellation__is_negative() -> None:
    found = read_one(line("C536379", "D", -1, "27.5"))

    assert isinstance(found, GoodLine)
    assert (found.is_cancellation, found.quantity, found.amount_minor) == (True, -1, -2750)


@pytest.mark.parametrize(("quantity", "price", "minor"), [(3, "0.335", 101), (1, "0.125", 13), (3, "0.001", 0)])
def test_amount__is_rounded_once_per_line(quantity: int, price: str, minor: int) -> None:
    found = read_one(line("1", quantity=quantity, price=price))

    assert isinstance(found, GoodLine)
    assert found.amount_minor == minor


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (line("536365", customer=""), ["missing_customer"]),
        (line("536365", price="0.0"), ["missing_price"]),
        (line("536365", price=""), ["missing_price"]),
        (line("536365", price="free"), ["bad_price"]),
        (line("536365", price="-3"), ["bad_price"]),
        (line("536365", price="NaN"), ["bad_price"]),
        (line("536365", price="1e30"), ["bad_price"]),
        (line("536365", quantity=0), ["bad_quantity"]),
        (line("536365", quantity=-1), ["bad_quantity"]),
        (line("C536365", quantity=1), ["bad_quantity"]),
        (line("536365", quantity="1.5"), ["bad_quantity"]),
        (line("536365", quantity=2**31), ["bad_quantity"]),
        (line("536365", at="1.12.2010"), ["bad_date"]),
        (line("536365", at="2030-01-01 00:00:00"), ["bad_date"]),
        (line("536365", at="0010-01-01 00:00:00"), ["bad_date"]),
        (line(""), ["missing_invoice"]),
        (line("5" * 65), ["too_long"]),
        (line("536365", quantity=2**31 - 1, price="99999999"), ["too_large"]),
        (line("536\x00365"), ["bad_encoding"]),
        ("536365,too,few", ["wrong_columns"]),
        (line("536365", customer="", price="0.0", quantity=-5), ["missing_customer", "missing_price", "bad_quantity"]),
    ],
)
def test_bad_line__tells_every_reason(text: str, reasons: list[str]) -> None:
    found = read_one(text)

    assert isinstance(found, BadLine)
    assert found.reasons == reasons
    assert "\x00" not in found.raw


def test_header_again_further_down__is_a_line_that_says_so() -> None:
    good, again, after = read(f"{HEADER}\n{line('1')}\n{HEADER}\n{line('2')}\n".encode())

    assert isinstance(good, GoodLine)
    assert isinstance(again, BadLine)
    assert again.reasons == ["repeated_header"]
    assert isinstance(after, GoodLine)


def test_title_above_and_second_header_below__are_passed_over() -> None:
    content = f"Report of December\n\nMade by,somebody\n{HEADER}\n\n{HEADER}\n{line('1')}\n".encode()

    [found] = read(content)

    assert isinstance(found, GoodLine)


def test_rejected_line__is_shown_as_it_is() -> None:
    found = read_one(line("536365", customer=""))

    assert isinstance(found, BadLine)
    assert found.raw == line("536365", customer="")


def test_byte_order_mark_crlf_quotes_and_blank_lines__do_no_harm() -> None:
    quoted = line("2").replace("WHITE METAL LANTERN", '"LANTERN, ""WHITE""\r\nIN TWO LINES"')
    content = f"\ufeff{HEADER}\r\n{line('1')}\r\n\r\n,,,,,,,\r\n{quoted}\r\n{line('3')}".encode()

    found = read(content)

    assert [each.external_id for each in found if isinstance(each, GoodLine)] == ["1", "2", "3"]
    assert len(found) == 3


def test_another_dialect__is_read_by_its_profile() -> None:
    content = f"{HEADER.replace(',', ';')}\n7;A;Käse;1.000;31.12.2010 23:30;1,25;5;\n".encode("cp1252")

    [found] = read(content, GERMAN)

    assert isinstance(found, GoodLine)
    assert (found.quantity, found.amount_minor) == (1000, 125_000)
    assert found.occurred_at == datetime(2010, 12, 31, 22, 30, tzinfo=UTC)


def test_cancellations_without_a_prefix__are_the_negative_lines() -> None:
    dialect = replace(RETAIL, cancellation_prefix="")

    bought, back = read(f"{HEADER}\n{line('7', quantity=3)}\n{line('7', quantity=-1)}\n".encode(), dialect)

    assert isinstance(bought, GoodLine)
    assert isinstance(back, GoodLine)
    assert (bought.is_cancellation, back.is_cancellation) == (False, True)
    assert bought.part != back.part


def test_characters_of_another_encoding__spoil_their_own_cell_only() -> None:
    name = f"{HEADER}\n{line('1')}\n".encode().replace(b"LANTERN", b"LANT\xc9RN")
    number = f"{HEADER}\n{line('1')}\n{line('2')}\n".encode().replace(b"\n1,", b"\n\xc9,")

    [good] = read(name)
    bad, after = read(number)

    assert isinstance(good, GoodLine)
    assert isinstance(bad, BadLine)
    assert bad.reasons == ["bad_encoding"]
    assert isinstance(after, GoodLine)


def test_quote_that_is_never_closed__costs_what_it_swallows_and_no_more() -> None:
    lines = [line(str(number)) for number in range(3000)]
    lines[10] = lines[10].replace("WHITE", '"WHITE')

    found = read(("\n".join([HEADER, *lines]) + "\n").encode(), stretch=4096)

    good = [each for each in found if isinstance(each, GoodLine)]
    bad = [each for each in found if isinstance(each, BadLine)]
    assert bad
    assert good[-1].external_id == "2999"
    assert len(good) > 2000


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"a,b,c\n1,2,3\n", "no column InvoiceNo"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no column"),
        (f"{HEADER},Quantity\n".encode(), "twice"),
        (b"x" * 3_000_000, "can't be read"),
    ],
    ids=["empty", "blank", "other columns", "picture", "doubled", "no line ends"],
)
def test_header_that_does_not_fit__says_why(content: bytes, complaint: str) -> None:
    with pytest.raises(UnreadableHeader, match=complaint):
        read_header(stretches(content, 1 << 16), RETAIL)


@settings(deadline=None)
@given(
    texts=st.lists(st.text(alphabet='ab,"\n\r é', max_size=8), max_size=12),
    stretch=st.integers(1, 20),
    cut=st.integers(0, 11),
)
def test_reading_from_any_end_of_a_record__gives_the_records_behind_it(
    texts: list[str], stretch: int, cut: int
) -> None:
    content = "".join(
        f'{number},"{text.replace(chr(34), chr(34) * 2)}"\r\n' for number, text in enumerate(texts)
    ).encode()

    whole = list(read_records(stretches(content, stretch), RETAIL))
    start = whole[cut].end if cut < len(whole) else 0
    rest = list(read_records(stretches(content[start:], stretch), RETAIL, offset=start))

    assert [record.cells[1] for record in whole if record.cells] == texts
    assert rest == (whole[cut + 1 :] if cut < len(whole) else whole)
