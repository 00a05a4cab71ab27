"""What lets a browser follow the stream of changes: it can send no header there, so the address carries a ticket.

A ticket stays the same for a day, and with it the bulk answer that holds it; it is good for a day more. All it opens is
to hear that flags changed.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.core import signing

SIGNER = signing.Signer(salt="flags.ofrep.stream")


def ticket_of(caller: UUID, *, at: datetime) -> str:
    return SIGNER.sign(f"{caller}.{at:%Y%m%d}")


def is_good(ticket: str, *, at: datetime) -> bool:
    try:
        _, _, day = SIGNER.unsign(ticket).partition(".")
    except signing.BadSignature:
        return False
    return day in {f"{at:%Y%m%d}", f"{at - timedelta(days=1):%Y%m%d}"}
