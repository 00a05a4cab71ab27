"""Flags and questions that tests of the protocol share."""

from collections.abc import Callable
from typing import Any

ADDRESS = "/ofrep/v1/evaluate/flags"

EVERY_TYPE: dict[str, Any] = {
    "a.boolean": {"enabled": True},
    "a.text": {"type": "string", "enabled": True, "on_variant": "red", "variants": [{"key": "red", "value": "#f00"}]},
    "a.whole": {"type": "number", "enabled": True, "on_variant": "few", "variants": [{"key": "few", "value": 3}]},
    "a.part": {
        "type": "number",
        "enabled": True,
        "on_variant": "two",
        "variants": [{"key": "half", "value": 0.5}, {"key": "two", "value": 2}],
    },
    "a.object": {
        "type": "object",
        "enabled": True,
        "on_variant": "big",
        "variants": [{"key": "big", "value": {"size": 2, "of": ["a"]}}],
    },
}
QUARTER = {"enabled": True, "rules": [{"id": "r1", "percent": 25}]}

Serve = Callable[..., None]

Ask = Callable[..., Any]


def about(subject: str = "u1", **fields: Any) -> dict[str, Any]:
    return {"context": {"targetingKey": subject, **fields}}
