import pytest

from flags.hashing import POSITIONS, position, spot


# What Unleash's own clients test: its numbers begin at 1.
@pytest.mark.parametrize(("salt", "subject", "whole", "variant"), [("gr1", "123", 73, 96), ("groupX", "999", 25, 60)])
def test_hash__is_unleashs(salt: str, subject: str, whole: int, variant: int) -> None:
    assert position(salt, subject) // 1000 + 1 == whole
    assert spot(salt, subject, 100) + 1 == variant


def test_positions__are_spread_evenly_down_to_thousandths() -> None:
    found = sorted(position("salt", str(n)) for n in range(20_000))

    assert found[0] < 20
    assert found[-1] > POSITIONS - 20
    assert abs(sum(each < 12_345 for each in found) / 20_000 - 0.12345) < 0.01


def test_spot__says_nothing_of_the_position() -> None:
    inside = [n for n in range(20_000) if position("salt", str(n)) < POSITIONS // 2]

    assert abs(sum(spot("salt", n, 2) for n in inside) / len(inside) - 0.5) < 0.02


def test_number_and_text__are_the_same_subject() -> None:
    assert position("salt", 7) == position("salt", "7")
