"""What a process answers from when it starts while neither Redis nor the database answers: a file."""

import logging
from pathlib import Path

import msgspec
from django.conf import settings

from flags.definition import Definition, SegmentDefinition
from flags.document import Document, state_of
from flags.snapshot import NOTHING, Snapshot, snapshot_of

logger = logging.getLogger(__name__)


class Export(msgspec.Struct, frozen=True):
    """As `manage.py flags export` writes it."""

    flags: tuple[Definition, ...]
    segments: tuple[SegmentDefinition, ...] = ()


_exports = msgspec.json.Decoder(Export)


def snapshot() -> Snapshot:
    """The flags of settings.FLAGS_BOOTSTRAP, older than all others; NOTHING without a file. Never raises."""
    if not settings.FLAGS_BOOTSTRAP:
        return NOTHING
    try:
        return snapshot_of(read(Path(settings.FLAGS_BOOTSTRAP)))
    except (OSError, ValueError) as error:
        logger.error("The bootstrap file of the flags can't be read (%s): declared defaults answer", error)  # noqa: TRY400  one line
        return NOTHING


def read(path: Path) -> Document:
    """The file as a document. Raises OSError, msgspec.DecodeError (a ValueError)."""
    export = _exports.decode(path.read_bytes())
    return Document(
        NOTHING.version,
        {each.key: state_of(each) for each in export.flags},
        {each.key: each.constraints for each in export.segments},
    )
