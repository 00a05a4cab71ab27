"""Numbers as spreadsheets and shops write them."""

import re
from decimal import Decimal
from functools import lru_cache

MOST_DIGITS = 15
SPACES = "\u00a0\u202f '’"
CURRENCY_SIGNS = re.compile(r"^(?:[A-Z]{3}|[$£€¥])\s*|\s*(?:[A-Z]{3}|[$£€¥])$")
# Cents after the mark; thousands in groups of three before it, if they are grouped at all.
PATTERNS = {
    ".": re.compile(r"\d*(?:\.\d+)?|\d+\.|\d{1,3}(?:,\d{3})+(?:\.\d*)?"),
    ",": re.compile(r"\d*(?:,\d+)?|\d+,|\d{1,3}(?:\.\d{3})+(?:,\d*)?"),
}


def parse_number(text: str, decimal_mark: str) -> Decimal | None:
    """`-1,234.50`, `(1,234.50)`, `1234.5-` or `£ 1 234.50` as a decimal, or None. Exponents are no shop's way."""
    plain = text.strip()
    if not plain.replace(decimal_mark, "", 1).isdigit():
        plain = without_signs(plain)
    negative, digits = plain.startswith("-"), plain.lstrip("+-")
    if len(plain) - len(digits) > 1 or not digits.isascii() or not PATTERNS[decimal_mark].fullmatch(digits):
        return None
    digits = digits.replace("," if decimal_mark == "." else ".", "").replace(decimal_mark, ".")
    if not digits.strip(".") or len(digits) > 2 * MOST_DIGITS:
        return None
    value = Decimal(digits).normalize()
    return (-value if negative else value) if value.adjusted() < MOST_DIGITS else None


def without_signs(text: str) -> str:
    """Without currencies and spaces between thousands; a minus at the end or parentheses become one in front."""
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1].strip()}"
    elif text.endswith("-"):
        text = f"-{text[:-1].strip()}"
    minus, rest = ("-", text[1:].strip()) if text.startswith("-") else ("", text)
    rest = CURRENCY_SIGNS.sub("", rest)
    for space in SPACES:
        rest = rest.replace(space, "")
    return f"{minus}{rest}"


@lru_cache(maxsize=8)
def plain_pattern(decimal_mark: str) -> re.Pattern[str]:
    """Customers' numbers that a spreadsheet has turned into decimals."""
    return re.compile(rf"(\d+){re.escape(decimal_mark)}0{{1,2}}")


def plain_number(text: str, decimal_mark: str) -> str:
    """`17850.0` is customer `17850`."""
    match = plain_pattern(decimal_mark).fullmatch(text)
    return match[1] if match else text
