"""Public ids: time-ordered UUIDs, so that indexes grow at one end and table ids stay private."""

import os
import time
from uuid import UUID

DRAWN_AT_ONCE = 256

randomness: list[int] = []
# Parent and child would give the same ids.
os.register_at_fork(after_in_child=randomness.clear)


def uuid7() -> UUID:
    """A version 7 UUID (RFC 9562): 48 bits of Unix milliseconds, then randomness."""
    value = (time.time_ns() // 1_000_000) << 80 | random_bits()
    return UUID(int=value & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def random_bits() -> int:
    """80 bits, each drawn once; the system is asked for many at a time, a call of it costs more than all the rest."""
    while True:
        try:
            return randomness.pop()
        except IndexError:
            drawn = os.urandom(10 * DRAWN_AT_ONCE)
            randomness.extend(int.from_bytes(drawn[at : at + 10]) for at in range(0, len(drawn), 10))
