"""All flags at one version, as they travel through Redis."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import msgspec

from flags.definition import Constraint, Definition, Targeting

_encoder = msgspec.json.Encoder(order="deterministic")


class DocumentBroken(Exception):
    """What was read is not a whole document."""


class FlagState(Targeting, frozen=True, kw_only=True, omit_defaults=True):
    """What a process needs to know of one flag."""

    version: int


def state_of(definition: Definition) -> FlagState:
    """What decides answers, without who owns it and why."""
    return FlagState(version=0, **{name: getattr(definition, name) for name in Targeting.__struct_fields__})


class Content(msgspec.Struct, frozen=True):
    """What the digest is made of."""

    version: int
    flags: dict[str, FlagState]
    segments: dict[str, tuple[Constraint, ...]]


class Envelope(msgspec.Struct, frozen=True):
    """`content` stays as the bytes that the digest was made of, whatever a newer release put there."""

    digest: str
    content: msgspec.Raw


_envelopes = msgspec.json.Decoder(Envelope)
_contents = msgspec.json.Decoder(Content)


@dataclass(frozen=True)
class Document:
    """Every flag at `version`; the digest tells a whole document from a torn or foreign one."""

    version: int
    flags: Mapping[str, FlagState]
    segments: Mapping[str, tuple[Constraint, ...]] = field(default_factory=dict)

    @cached_property
    def content(self) -> bytes:
        return _encoder.encode(Content(self.version, {**self.flags}, {**self.segments}))

    @cached_property
    def digest(self) -> str:
        return digest_of(self.content)

    def encode(self) -> bytes:
        return _encoder.encode(Envelope(self.digest, msgspec.Raw(self.content)))

    def switches(self) -> dict[str, str]:
        """The hash that other programs read: name → "1" or "0"."""
        return {key: "1" if state.enabled else "0" for key, state in self.flags.items()}

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Raises DocumentBroken. Fields that a newer release added are passed over."""
        try:
            envelope = _envelopes.decode(raw)
            whole = envelope.digest == digest_of(envelope.content)
            content = _contents.decode(envelope.content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DocumentBroken(f"Not a document of flags: {error}") from error
        if not whole:
            raise DocumentBroken("The digest does not fit the flags")
        return cls(content.version, content.flags, content.segments)


def digest_of(content: Any) -> str:
    """SHA-256 of the content's bytes."""
    return hashlib.sha256(content).hexdigest()
