"""All flags at one version, as they travel through Redis."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

import orjson


class DocumentBroken(Exception):
    """What was read is not a whole document."""


@dataclass(frozen=True, slots=True)
class FlagState:
    """What a process needs to know of one flag."""

    enabled: bool
    kind: str
    client_visible: bool
    version: int


@dataclass(frozen=True)
class Document:
    """Every flag at `version`; the digest tells a whole document from a torn or foreign one."""

    version: int
    flags: Mapping[str, FlagState]

    @cached_property
    def plain(self) -> dict[str, dict[str, Any]]:
        return {key: asdict(state) for key, state in self.flags.items()}

    @cached_property
    def digest(self) -> str:
        return digest_of(self.version, self.plain)

    def encode(self) -> bytes:
        return orjson.dumps({"version": self.version, "digest": self.digest, "flags": self.plain})

    def switches(self) -> dict[str, str]:
        """The hash that other programs read: name → "1" or "0"."""
        return {key: "1" if state.enabled else "0" for key, state in self.flags.items()}

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Raises DocumentBroken. Fields that a newer release added are passed over."""
        try:
            data = orjson.loads(raw)
            whole = data["digest"] == digest_of(data["version"], data["flags"])
            document = cls(data["version"], {key: state_of(fields) for key, fields in data["flags"].items()})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DocumentBroken(f"Not a document of flags: {error}") from error
        if not whole:
            raise DocumentBroken("The digest does not fit the flags")
        return document


def state_of(fields: Mapping[str, Any]) -> FlagState:
    return FlagState(**{name: fields[name] for name in FlagState.__slots__})


def digest_of(version: int, flags: Mapping[str, Any]) -> str:
    """SHA-256 over version and flags in canonical JSON."""
    return hashlib.sha256(orjson.dumps([version, flags], option=orjson.OPT_SORT_KEYS)).hexdigest()
