"""The three kinds of files that Unleash writes, brought into one shape."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Plain = Mapping[str, Any]


class State(NamedTuple):
    """Features by name, as clients read them, and segments by id."""

    features: dict[str, Plain]
    segments: dict[int, Plain]


def state_of(export: Plain) -> State:
    """Of what clients read (whole, or as events), or of an export. Raises ValueError for anything else."""
    try:
        if "events" in export:
            return after(export["events"])
        if "featureStrategies" in export:
            return exported(export)
        return State(by(export["features"], "name"), by(export.get("segments") or (), "id"))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"This is no file of Unleash: {error!r}") from error


def after(events: Any) -> State:
    """What is there after all events of the delta API."""
    state = State({}, {})
    for event in events:
        match event["type"]:
            case "hydration":
                state = State(by(event["features"], "name"), by(event["segments"], "id"))
            case "feature-updated":
                state.features[event["feature"]["name"]] = event["feature"]
            case "feature-removed":
                state.features.pop(event["featureName"], None)
            case "segment-updated":
                state.segments[event["segment"]["id"]] = event["segment"]
            case "segment-removed":
                state.segments.pop(event["segmentId"], None)
    return state


def exported(export: Plain) -> State:
    """An export keeps what belongs to a feature beside it."""
    features = by(export["features"], "name")
    switches = by(export.get("featureEnvironments") or (), "featureName")
    dependencies = by(export.get("dependencies") or (), "feature")
    return State(
        {
            name: {
                **feature,
                "enabled": bool(switches.get(name, {}).get("enabled")) and not feature.get("archived"),
                "variants": switches.get(name, {}).get("variants") or feature.get("variants"),
                "strategies": sorted(
                    (each for each in export["featureStrategies"] if each["featureName"] == name),
                    key=lambda strategy: strategy.get("sortOrder") or 0,
                ),
                "dependencies": dependencies.get(name, {}).get("dependencies"),
                "tags": [each for each in export.get("featureTags") or () if each["featureName"] == name],
            }
            for name, feature in features.items()
        },
        by(export.get("segments") or (), "id"),
    )


def by(rows: Any, field: str) -> dict[Any, Plain]:
    return {row[field]: row for row in rows}
