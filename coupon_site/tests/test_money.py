"""Rounding and showing money."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupon_site.money import format_money, parse_minor, share_of


@pytest.mark.parametrize(
    ("minor", "basis_points", "share"), [(100, 250, 3), (-100, 250, -3), (99, 500, 5), (1, 4999, 0), (0, 900, 0)]
)
def test_share__is_rounded_half_away_from_zero(minor: int, basis_points: int, share: int) -> None:
    assert share_of(minor, basis_points=basis_points) == share


@given(st.integers(-(10**15), 10**15), st.integers(0, 10_000))
def test_share__never_exceeds_the_whole_and_keeps_its_sign(minor: int, basis_points: int) -> None:
    share = share_of(minor, basis_points=basis_points)

    assert abs(share) <= abs(minor)
    assert share * minor >= 0
    assert share_of(-minor, basis_points=basis_points) == -share


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("2.55", "GBP", 255), ("2.555", "GBP", 256), ("-1.005", "EUR", -101), ("12", "JPY", 12)],
)
def test_parsed_amount__is_in_minor_units(text: str, currency: str, minor: int) -> None:
    assert parse_minor(text, currency) == minor


@pytest.mark.parametrize("text", ["", "NaN", "Infinity", "12,5", "1e999999999"])
def test_no_amount__is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_minor(text, "GBP")


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [(123450, "GBP", "GBP 1,234.50"), (-5, "EUR", "EUR -0.05"), (1200, "JPY", "JPY 1,200")],
)
def test_shown_amount__has_its_currency(minor: int, currency: str, shown: str) -> None:
    assert format_money(minor, currency) == shown
