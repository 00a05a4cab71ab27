"""Voucher codes: 16 characters of Crockford's base 32 (80 random bits) and a check character."""

import re
import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_LENGTH = 16
WELL_FORMED = re.compile(f"[{ALPHABET}]{{{RANDOM_LENGTH + 1}}}")
# What people read and type for what is printed; separators are for the eye only.
READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0", " ": None, "-": None})
GROUP = 4


def new_code() -> str:
    """A code that nobody can guess."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return drawn + check_character(drawn)


def check_character(text: str) -> str:
    """Luhn's sum over 32 symbols: finds any single mistake and nearly every swap of neighbours."""
    size, total = len(ALPHABET), 0
    for place, character in enumerate(reversed(text)):
        value = ALPHABET.index(character) * (2 if place % 2 == 0 else 1)
        total += value // size + value % size
    return ALPHABET[-total % size]


def parse_code(text: str) -> str | None:
    """The code that somebody typed or scanned, as it is stored; None when it can't be one."""
    code = text.upper().translate(READ_AS)
    if not WELL_FORMED.fullmatch(code) or check_character(code[:-1]) != code[-1]:
        return None
    return code


def grouped(code: str) -> str:
    """`7K3M-9QXW-22AB-CD0E-F`: easy to read out."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))
