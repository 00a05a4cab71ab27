"""Numbers of orders: ten characters of Crockford's base 32 (50 random bits), easy to read out and to type."""

from coupon_site.identifiers import random_bits

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PAIRS = [first + second for first in ALPHABET for second in ALPHABET]


def new_number() -> str:
    """`7K3M9-4QDXA`."""
    bits = random_bits()
    drawn = [PAIRS[bits >> shift & 1023] for shift in range(0, 50, 10)]
    number = "".join(drawn)
    return f"{number[:5]}-{number[5:]}"
