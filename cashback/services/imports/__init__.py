"""Importing networks' files: taken in, staged line by line, applied conversion by conversion."""

from cashback.services.imports.files import LocalFile, SourceFile, StoredFile, fingerprint
from cashback.services.imports.intake import Intake, cancel_import, open_import
from cashback.services.imports.profiles import profile_for
from cashback.services.imports.queue import import_upload, receive_upload
from cashback.services.imports.running import fail_stalled, run_import

__all__ = [
    "Intake",
    "LocalFile",
    "SourceFile",
    "StoredFile",
    "cancel_import",
    "fail_stalled",
    "fingerprint",
    "import_upload",
    "open_import",
    "profile_for",
    "receive_upload",
    "run_import",
]
