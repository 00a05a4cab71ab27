"""Why the server ends a connection: the code a client sees, and the reason that is counted."""

from enum import IntEnum


class CloseCode(IntEnum):
    """After BAD_MESSAGE, FORBIDDEN and TOO_MANY a client should not come back by itself; after others it may, later."""

    GOING_AWAY = 1001
    TOO_BIG = 1009
    RESTARTING = 1012
    TRY_LATER = 1013
    BAD_MESSAGE = 4400
    AUTH_EXPIRED = 4401
    FORBIDDEN = 4403
    TIMED_OUT = 4408
    TOO_MANY = 4409
    TOO_SLOW = 4410
    RATE_LIMITED = 4429


REASONS = {
    CloseCode.GOING_AWAY: "normal",
    CloseCode.TOO_BIG: "error",
    CloseCode.RESTARTING: "normal",
    CloseCode.TRY_LATER: "normal",
    CloseCode.BAD_MESSAGE: "error",
    CloseCode.AUTH_EXPIRED: "normal",
    CloseCode.FORBIDDEN: "normal",
    CloseCode.TIMED_OUT: "idle",
    CloseCode.TOO_MANY: "rate_limited",
    CloseCode.TOO_SLOW: "slow_consumer",
    CloseCode.RATE_LIMITED: "rate_limited",
}

CLEAN = {1000, 1001, 1005, 1012}
"""Codes by which clients say goodbye."""


def reason_of(code: int | None) -> str:
    """The counted reason of a connection that the other side has ended."""
    return "normal" if code in CLEAN else "error"
