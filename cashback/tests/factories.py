"""Rows to begin with, and files to import."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from django.utils import timezone

from accounts.models import User
from cashback.models import Account, CashbackEvent, ImportJob, Network, Payout, Transfer
from cashback.services import imports, request_payout, transfer

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


class Wallet(NamedTuple):
    pending: Account
    available: Account


def fund(account: Account, accrual: Account, *, amount_minor: int) -> Transfer:
    """Money out of nowhere, as finance may give it."""
    return transfer(
        debit=accrual,
        credit=account,
        amount_minor=amount_minor,
        source_type="test",
        source_id=uuid4(),
        reason="adjustment",
    )


def new_payout(buyer: User, **fields: Any) -> Payout:
    """What a customer asks for by themselves."""
    defaults = {"amount_minor": 1000, "currency": "GBP", "destination": "GB33BUKB20201555555555", "actor": buyer}
    return request_payout(**{"buyer": buyer, "key": str(uuid4()), "at": timezone.now(), **defaults, **fields})


def balance(account: Account) -> int:
    account.refresh_from_db()
    return account.balance_minor or 0


def line(  # noqa: PLR0917  the columns of a file
    invoice: str,
    item: str = "85123A",
    quantity: int | str = 1,
    price: str = "10.0",
    customer: str = "17850.0",
    at: str = "2010-12-01 08:26:00",
) -> str:
    """A line as the first network writes it."""
    return f"{invoice},{item},WHITE METAL LANTERN,{quantity},{at},{price},{customer},United Kingdom"


def write_file(folder: Path, lines: Sequence[str], *, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes("".join(f"{text}\n" for text in [HEADER, *lines]).encode())
    return path


def run(path: Path, *, network: Network | None = None, **options: Any) -> ImportJob:
    """Import a file as the command does."""
    file = imports.LocalFile(path)
    job = imports.open_import(
        network=network or imports.network_of(file),
        filename=str(path),
        print_=imports.fingerprint(file.chunks(0)),
        source="command",
    ).job
    imports.prepare_import(job=job, file=file, at=timezone.now())
    imports.run_import(job=job, file=file, **options)
    return job


def import_lines(folder: Path, lines: Sequence[str], *, name: str = "") -> ImportJob:
    return run(write_file(folder, lines, name=name or f"{uuid4()}.csv"))


def balances() -> dict[str, tuple[int, int]]:
    """What customers have, by the network's own number: pending, available."""
    rows = Account.objects.filter(owner__isnull=False, owner__buyer_references__isnull=False)
    found: dict[str, dict[str, int]] = {}
    for number, kind, minor in rows.values_list("owner__buyer_references__external_id", "kind", "balance_minor"):
        found.setdefault(number, {})[kind] = minor or 0
    return {number: (kinds["pending"], kinds["available"]) for number, kinds in found.items()}


def worth(network: Network) -> dict[str, tuple[int, int]]:
    """Invoice → its cashback at first, and what was clawed back of it."""
    rows = CashbackEvent.objects.filter(conversion__network=network)
    fields = rows.values_list("conversion__external_id", "original_minor", "clawed_back_minor")
    return {number: (original, clawed) for number, original, clawed in fields}


def split(lines: Sequence[str], parts: int) -> Iterable[Sequence[str]]:
    """The lines in so many stretches."""
    size = -(-len(lines) // parts)
    return [lines[start : start + size] for start in range(0, len(lines), size)]
