"""Input: JSON by orjson, and serializers that refuse what they don't know."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

NUL_ESCAPE = b"\\u0000"


class OrjsonParser(BaseParser):
    """JSON as RFC 8259 has it: no NaN, no lone surrogates, bounded nesting and integers; and no NUL for PostgreSQL."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read()
        if NUL_ESCAPE in body or b"\x00" in body:
            raise ParseError("The body holds a NUL byte.")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"Not JSON: {error}") from error


class OrjsonRenderer(BaseRenderer):
    """JSON answers."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else encode(data)


def encode(data: Any) -> bytes:
    """JSON as every answer has it."""
    return orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z)


class StrictSerializer(serializers.Serializer[Any]):
    """An input form that names every field it doesn't know."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError(
                {str(name): ["This field is not known."] for name in sorted(unknown, key=str)}
            )
        return super().to_internal_value(data)
