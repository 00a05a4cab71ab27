from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cashback.services.imports.matching import KnownLine, Match, match_cancellations

START = datetime(2010, 12, 1, tzinfo=UTC)


def known(conversion: int, quantity: int, *, hour: int, price: int = 100, copies: int = 1, **fields: Any) -> KnownLine:
    return KnownLine(
        conversion_id=conversion,
        external_id=fields.get("external_id", str(conversion)),
        part="",
        is_cancellation=quantity < 0,
        line_hash=f"{conversion}:{quantity}:{hour}:{price}",
        quantity=quantity,
        amount_minor=quantity * price,
        occurred_at=START + timedelta(hours=hour),
        copies=copies,
    )


def test_earlier_purchase_that_covers_it__is_matched() -> None:
    assert match_cancellations([known(1, 5, hour=1), known(2, -2, hour=3)]) == [(1, 2, 1, 2, 200)]


@pytest.mark.parametrize(
    "purchase", [known(1, 5, hour=3), known(1, 5, hour=4), known(1, 1, hour=1)], ids=["same time", "later", "too small"]
)
def test_purchase_that_cannot_be_meant__is_not_matched(purchase: KnownLine) -> None:
    assert match_cancellations([purchase, known(2, -2, hour=3)]) == []


def test_several_purchases__the_latest_earlier_one_is_meant() -> None:
    lines = [known(1, 5, hour=1), known(2, 5, hour=2), known(3, 5, hour=9), known(4, -2, hour=3)]

    assert match_cancellations(lines) == [(2, 4, 1, 2, 200)]


def test_purchase_used_up__the_one_before_it_is_meant() -> None:
    lines = [known(1, 5, hour=1), known(2, 2, hour=2), known(4, -2, hour=3, copies=2)]

    assert match_cancellations(lines) == [(1, 4, 1, 2, 200), (2, 4, 1, 2, 200)]


def test_equal_lines_of_a_purchase__cover_together() -> None:
    assert match_cancellations([known(1, 1, hour=1, copies=3), known(2, -3, hour=3)]) == [(1, 2, 1, 3, 300)]


def test_cancelled_at_a_higher_price__is_capped_at_what_was_paid() -> None:
    assert match_cancellations([known(1, 2, hour=1, price=100), known(2, -2, hour=3, price=150)]) == [(1, 2, 1, 2, 200)]


def test_purchase_of_the_same_number__is_meant_even_at_the_same_time() -> None:
    lines = [known(1, 5, hour=1), known(2, 5, hour=3, external_id="7"), known(3, -1, hour=3, external_id="7")]

    assert match_cancellations(lines) == [(2, 3, 1, 1, 100)]


def test_corrections_of_an_amount__are_matched_as_long_as_some_of_it_is_left() -> None:
    lines = [
        known(1, 1, hour=1, price=1000, external_id="7"),
        known(2, -1, hour=2, price=300, external_id="7"),
        known(3, -1, hour=3, price=900, external_id="7"),
        known(4, -1, hour=4, price=100, external_id="7"),
    ]

    assert match_cancellations(lines) == [(1, 2, 1, 1, 300), (1, 3, 1, 1, 700)]


lines_of_one_item = st.lists(
    st.builds(
        known,
        st.integers(1, 6),
        st.integers(-5, 5).filter(bool),
        hour=st.integers(0, 6),
        price=st.integers(1, 3),
        copies=st.integers(1, 3),
    ),
    max_size=12,
    unique_by=lambda each: (each.conversion_id, each.line_hash),
)


def separated(lines: list[KnownLine]) -> list[KnownLine]:
    """No conversion is both purchase and cancellation, nor has the number of one."""
    return [
        each._replace(conversion_id=each.conversion_id + 100, external_id=f"C{each.external_id}")
        if each.is_cancellation
        else each
        for each in lines
    ]


@settings(deadline=None)
@given(lines=lines_of_one_item, shuffle=st.randoms(use_true_random=False))
def test_any_order__gives_the_same_matches(lines: list[KnownLine], shuffle: Any) -> None:
    lines = separated(lines)
    expected = match_cancellations(lines)
    shuffle.shuffle(lines)

    assert match_cancellations(lines) == expected


@settings(deadline=None)
@given(lines=lines_of_one_item)
def test_any_lines__no_more_is_cancelled_than_was_bought(lines: list[KnownLine]) -> None:
    lines = separated(lines)

    matches = match_cancellations(lines)

    for each in {line.conversion_id for line in lines if not line.is_cancellation}:
        mine = [line for line in lines if line.conversion_id == each]
        assert total(matches, each, "quantity") <= sum(line.quantity * line.copies for line in mine)
        assert total(matches, each, "amount_minor") <= sum(line.amount_minor * line.copies for line in mine)
    assert sum(match.lines for match in matches) <= sum(line.copies for line in lines if line.is_cancellation)


def total(matches: list[Match], purchase: int, name: str) -> int:
    return sum(getattr(match, name) for match in matches if match.purchase_id == purchase)
