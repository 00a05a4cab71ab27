"""Importing networks' files: taken in, staged line by line, applied conversion by conversion."""

from cashback.services.imports.files import LocalFile, SourceFile, StoredFile
from cashback.services.imports.intake import Intake, cancel_import, open_import, receive_upload
from cashback.services.imports.profiles import profile_for
from cashback.services.imports.running import resume_stalled, run_import

__all__ = [
    "Intake",
    "LocalFile",
    "SourceFile",
    "StoredFile",
    "cancel_import",
    "open_import",
    "profile_for",
    "receive_upload",
    "resume_stalled",
    "run_import",
]
