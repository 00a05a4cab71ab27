"""What version 0.3 of the protocol says of bodies, as JSON Schema in our words; and where its own can't hold.

Its OpenAPI document can't validate a normal answer as it stands. Three patches, nothing else:
- The kinds of value are alternatives of which exactly one may fit (`oneOf`). A whole number is an integer and a number;
  the alternative for "use the code's default" asks for nothing, and fits everything. Here any may fit, and that
  alternative asks that there be no value.
- The reasons are OpenFeature's without DEFAULT, which the protocol's own decision on code defaults answers with.
- A context with a `targetingKey` is demanded of every request. Here neither is: most flags need none.
"""

from typing import Any

from jsonschema import Draft202012Validator

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
PUBLISHED_REASONS = ["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"]
METADATA: Schema = {"type": "object", "additionalProperties": {"type": ["boolean", "string", "number"]}}
KINDS = ("boolean", "string", "integer", "number", "object")
VALUES: list[Schema] = [{"required": ["value"], "properties": {"value": {"type": kind}}} for kind in KINDS]


def success(values: Schema, reasons: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": {
            "key": TEXT,
            "reason": {"enum": reasons},
            "variant": TEXT,
            "metadata": METADATA,
        },
        "required": ["key", "reason"],
        **values,
    }


PUBLISHED_SUCCESS = success({"oneOf": [*VALUES, {"type": "object"}]}, PUBLISHED_REASONS)
SUCCESS = success({"anyOf": [*VALUES, {"not": {"required": ["value"]}}]}, [*PUBLISHED_REASONS, "DEFAULT"])
FAILURE: Schema = {
    "type": "object",
    "properties": {
        "key": TEXT,
        "errorCode": {"enum": ["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL"]},
        "errorDetails": TEXT,
    },
    "required": ["key", "errorCode"],
}
NOT_FOUND: Schema = {**FAILURE, "properties": {**FAILURE["properties"], "errorCode": {"const": "FLAG_NOT_FOUND"}}}
# Of requests as a whole; of a single flag's, too, when the flag is not at fault.
REFUSAL: Schema = {
    "type": "object",
    "properties": {"errorCode": TEXT, "errorDetails": TEXT},
    "required": ["errorCode", "errorDetails"],
}
STREAM: Schema = {
    "type": "object",
    "properties": {
        "type": TEXT,
        "url": {"type": "string", "format": "uri"},
        "endpoint": {
            "type": "object",
            "properties": {"origin": TEXT, "requestUri": {"type": "string", "pattern": "^/"}},
            "required": ["requestUri"],
        },
        "inactivityDelaySec": {"type": "integer", "minimum": 1},
    },
    "required": ["type"],
    "oneOf": [{"required": ["url"]}, {"required": ["endpoint"]}],
}
BULK: Schema = {
    "type": "object",
    "properties": {
        "flags": {"type": "array", "items": {"anyOf": [SUCCESS, FAILURE, NOT_FOUND]}},
        "eventStreams": {"type": "array", "items": STREAM},
        "metadata": METADATA,
    },
    "required": ["flags"],
}
EVENT: Schema = {
    "type": "object",
    "properties": {
        "type": TEXT,
        "etag": TEXT,
        "lastModified": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "format": "date-time"}]},
    },
    "required": ["type"],
}


def check(body: Any, schema: Schema) -> None:
    Draft202012Validator(schema).validate(body)


def fits(body: Any, schema: Schema) -> bool:
    return Draft202012Validator(schema).is_valid(body)
