"""Numbers of orders: ten characters of Crockford's base 32 (50 random bits), easy to read out and to type."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_number() -> str:
    """`7K3M9-4QDXA`."""
    bits = secrets.randbits(50)
    drawn = "".join(ALPHABET[bits >> shift & 31] for shift in range(0, 50, 5))
    return f"{drawn[:5]}-{drawn[5:]}"
