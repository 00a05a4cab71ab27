"""Flags of an Unleash server, as ours: from what its clients read, or from an export of its features.

Not carried over: several environments (the file's counts), impression data, and chance for those who have no id.
"""

from collections.abc import Mapping
from typing import Any

from flags.definition import Definition, SegmentDefinition
from flags.unleash.features import Importer
from flags.unleash.state import state_of

__all__ = ["definitions_of"]


def definitions_of(export: Mapping[str, Any]) -> tuple[list[Definition], list[SegmentDefinition], list[str]]:
    """Flags, segments, and a sentence for each thing that is not quite the same. Raises ValueError for other files."""
    importer = Importer(state_of(export))
    segments = [*importer.segments()]
    return [*importer.definitions()], segments, importer.warnings
