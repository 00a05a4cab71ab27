"""Codes that people type."""

import random

import pytest

from vouchers.codes import ALPHABET, check_character, grouped, new_code, parse_code

CODE = "7K3M9QXW22ABCD0E"
WHOLE = CODE + check_character(CODE)


def test_new_code__is_read_as_itself_and_never_drawn_twice() -> None:
    codes = {new_code() for _ in range(500)}

    assert len(codes) == 500
    assert all(len(code) == 17 and parse_code(code) == code for code in codes)


def test_every_single_mistake__is_found() -> None:
    for place, right in enumerate(WHOLE):
        for wrong in set(ALPHABET) - {right}:
            assert parse_code(WHOLE[:place] + wrong + WHOLE[place + 1 :]) is None


def test_nearly_every_swap_of_neighbours__is_found() -> None:
    drawn = random.Random(5)
    missed = swaps = 0
    for _ in range(300):
        text = "".join(drawn.choices(ALPHABET, k=16))
        code = text + check_character(text)
        for place in range(16):
            swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            swaps += swapped != code
            missed += swapped != code and parse_code(swapped) is not None

    assert missed / swaps < 0.01


@pytest.mark.parametrize(
    "typed",
    [WHOLE, WHOLE.lower(), grouped(WHOLE), f" {' '.join(WHOLE)} ", WHOLE.replace("0", "O"), WHOLE.replace("0", "o")],
)
def test_what_people_type__is_read(typed: str) -> None:
    assert parse_code(typed) == WHOLE


@pytest.mark.parametrize(
    "typed", ["", "-", WHOLE[:-1], WHOLE + "0", "U" * 17, "é" * 17, "٣" * 17, "\N{KELVIN SIGN}" + WHOLE[1:], WHOLE * 2]
)
def test_what_can_not_be_a_code__is_none(typed: str) -> None:
    assert parse_code(typed) is None


def test_groups__are_easy_to_read_out() -> None:
    assert grouped(WHOLE) == f"7K3M-9QXW-22AB-CD0E-{WHOLE[-1]}"
