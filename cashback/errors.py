"""Refusals of cashback."""

from coupon_site.errors import DomainError
from payments.errors import ProviderUnavailable


class InsufficientFunds(DomainError):
    code = "insufficient_funds"
    title = "There is not enough money in the account"


class TransferConflict(DomainError):
    code = "transfer_conflict"
    title = "The same reason was booked with another amount or other accounts"


class AlreadyReversed(DomainError):
    code = "already_reversed"
    title = "The transfer was reversed before"


class PayoutTooSmall(DomainError):
    code = "payout_too_small"
    title = "The amount is below the least that is paid out"


class PayoutKeyReused(DomainError):
    status = 422
    code = "payout_key_reused"
    title = "This key stands for another payout"


class SecondPersonNeeded(DomainError):
    status = 403
    code = "second_person_needed"
    title = "Somebody else must approve it"


class BankUnreachable(ProviderUnavailable):
    """No connection came about: nothing was sent."""


class UnreadableFile(DomainError):
    status = 400
    code = "unreadable_file"
    title = "The file can't be imported"


class FileTooLarge(DomainError):
    status = 413
    code = "file_too_large"
    title = "The file is larger than imports may be"


class BadMapping(DomainError):
    status = 400
    code = "bad_mapping"
    title = "The file can't be read by this mapping"


class MappingIncomplete(DomainError):
    code = "mapping_incomplete"
    title = "Something about the file has to be decided first"


class FileGone(DomainError):
    code = "file_gone"
    title = "The file was not kept: bring it again"


class ImportBusy(DomainError):
    code = "import_busy"
    title = "Another file of this network is being imported"


class ImportTakenOver(Exception):
    """Another process has gone on with the job since; whatever this one did for its chunk is undone."""
