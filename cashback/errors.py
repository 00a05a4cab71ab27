"""Refusals of cashback."""

from coupon_site.errors import DomainError


class InsufficientFunds(DomainError):
    code = "insufficient_funds"
    title = "There is not enough money in the account"


class TransferConflict(DomainError):
    code = "transfer_conflict"
    title = "The same reason was booked with another amount or other accounts"


class AlreadyReversed(DomainError):
    code = "already_reversed"
    title = "The transfer was reversed before"


class UnreadableFile(DomainError):
    status = 400
    code = "unreadable_file"
    title = "The file can't be imported"


class ImportBusy(DomainError):
    code = "import_busy"
    title = "Another file of this network is being imported"


class ImportTakenOver(Exception):
    """Another process has gone on with the job since; whatever this one did for its chunk is undone."""
