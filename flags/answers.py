"""What a check of a flag says."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msgspec import Struct

from flags.metrics import Tally


class Reason(StrEnum):
    """OpenFeature's names."""

    STATIC = "STATIC"  # everybody gets this
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"  # chance, the same for the same subject
    DEFAULT = "DEFAULT"
    DISABLED = "DISABLED"
    ERROR = "ERROR"


class ErrorCode(StrEnum):
    """OpenFeature's names."""

    NONE = ""
    FLAG_NOT_FOUND = "FLAG_NOT_FOUND"
    TYPE_MISMATCH = "TYPE_MISMATCH"
    GENERAL = "GENERAL"


class Cause(StrEnum):
    """What a reason does not tell."""

    NONE = ""
    NO_KEY = "no_key"  # a share was to be drawn, and the context does not say for whom
    PREREQUISITE = "prerequisite"  # another flag does not answer what this one needs
    OVERRIDE = "override"  # said for this subject
    TEST = "test"  # said by override_flags()
    DECLARED = "declared"  # nobody has made the flag yet


class Evaluation(Struct, frozen=True, kw_only=True):
    """An answer with its reason. `on`: whether the flag is on for this subject, whatever type its values have.

    Metadata: flagVersion, setVersion, rule (its id), cause, and stale: nobody has confirmed the flags for a while.
    """

    value: Any
    variant: str
    reason: Reason
    on: bool
    metadata: Mapping[str, str | int | bool]
    error_code: ErrorCode = ErrorCode.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One of the things that a flag may say, worked out once per snapshot."""

    value: Any
    variant: str
    reason: Reason
    on: bool
    tally: Tally
    rule: str = ""
    cause: Cause = Cause.NONE

    @property
    def said(self) -> bool:
        """Whether the flag has a value to give; else the caller's default counts."""
        return self.variant != ""
