"""Importing networks' files: taken in, previewed, staged line by line, applied conversion by conversion."""

from cashback.services.imports.files import LocalFile, SourceFile, StoredFile, UploadFile, fingerprint
from cashback.services.imports.intake import Intake, cancel_import, open_import
from cashback.services.imports.mappings import network_of, propose
from cashback.services.imports.queue import change_mapping, receive_upload, retry_import, start_import, work_on_upload
from cashback.services.imports.running import fail_stalled, run_import
from cashback.services.imports.validation import prepare_import, validate_import

__all__ = [
    "Intake",
    "LocalFile",
    "SourceFile",
    "StoredFile",
    "UploadFile",
    "cancel_import",
    "change_mapping",
    "fail_stalled",
    "fingerprint",
    "network_of",
    "open_import",
    "prepare_import",
    "propose",
    "receive_upload",
    "retry_import",
    "run_import",
    "start_import",
    "validate_import",
    "work_on_upload",
]
