"""Where the bytes of an import come from. Either source begins anywhere and holds one stretch in memory at a time."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from django.core.files.uploadedfile import UploadedFile

from cashback.models import ImportJob, ImportPart

STRETCH_BYTES = 1 << 20


class SourceFile(Protocol):
    """A file that is being imported."""

    def chunks(self, offset: int) -> Iterator[bytes]:
        """Its bytes from `offset` on, in stretches."""
        ...


class LocalFile(NamedTuple):
    """A file of this machine."""

    path: Path

    def chunks(self, offset: int) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(offset)
            while stretch := file.read(STRETCH_BYTES):
                yield stretch


class UploadFile(NamedTuple):
    """A file that is being uploaded."""

    file: UploadedFile

    def chunks(self, offset: int) -> Iterator[bytes]:
        for chunk in self.file.chunks():
            if offset < len(chunk):
                yield chunk[offset:]
            offset = max(0, offset - len(chunk))


class StoredFile(NamedTuple):
    """An upload, kept in the database, so that an importer on any machine can read it."""

    job: ImportJob

    def chunks(self, offset: int) -> Iterator[bytes]:
        while offset < self.job.size_bytes:
            start = offset - offset % STRETCH_BYTES
            part = ImportPart.objects.get(job=self.job, offset=start)
            yield bytes(part.body)[offset - start :]
            offset = start + STRETCH_BYTES


class Fingerprint(NamedTuple):
    sha256: str
    size_bytes: int


def fingerprint(chunks: Iterable[bytes]) -> Fingerprint:
    """What tells a file from all others."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return Fingerprint(digest.hexdigest(), size)


def store(job: ImportJob, chunks: Iterable[bytes]) -> None:
    """Keep a file's bytes with its job, in stretches of one size."""
    buffer, offset = bytearray(), 0
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= STRETCH_BYTES:
            offset = keep(job, offset, buffer)
    if buffer:
        keep(job, offset, buffer)


def keep(job: ImportJob, offset: int, buffer: bytearray) -> int:
    """Write the next stretch out of the buffer; where the one after it begins."""
    ImportPart.objects.create(job=job, offset=offset, body=bytes(buffer[:STRETCH_BYTES]))
    del buffer[:STRETCH_BYTES]
    return offset + STRETCH_BYTES
