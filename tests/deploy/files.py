"""The deployment's files, parsed."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
# Of the two that PyYAML may have, this one is eight times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file whose top is a mapping."""
    content = yaml.load(path.read_text(), Loader=LOADER)  # noqa: S506  one of the safe ones
    assert isinstance(content, dict)
    return content


OVERLAYS = sorted(path.stem for path in (DEPLOY / "compose").glob("*.yml"))


def compose_files(*overlays: str) -> list[Path]:
    """docker-compose.yml and overlays of it."""
    return [ROOT / "docker-compose.yml", *(DEPLOY / "compose" / f"{name}.yml" for name in overlays)]


def compose(*overlays: str) -> dict[str, Any]:
    """What compose makes of docker-compose.yml and overlays; none named: the monitoring."""
    merged: dict[str, Any] = {}
    for file in compose_files(*(overlays or ("monitoring",))):
        merged = merge(merged, read_yaml(file))
    return merged


def merge(below: Any, above: Any, *, name: str = "") -> Any:
    """Mappings are merged, lists joined, everything else is replaced, as are commands and tests."""
    if name == "networks" and isinstance(below, list) and isinstance(above, dict):
        below = dict.fromkeys(below)
    if isinstance(below, dict) and isinstance(above, dict):
        both = {key: merge(below[key], value, name=key) for key, value in above.items() if key in below}
        return {**below, **above, **both}
    if isinstance(below, list) and isinstance(above, list) and name not in {"command", "entrypoint", "test"}:
        return [*below, *(each for each in above if each not in below)]
    return above


def services(*overlays: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose(*overlays)["services"]
    return found


def networks_of(service: dict[str, Any]) -> set[str]:
    """Names of the networks that a service joins."""
    return set(service["networks"])


def names_of(name: str, service: dict[str, Any], network: str) -> set[str]:
    """What a service is called on a network: its name and its aliases."""
    joined = service["networks"]
    options = joined.get(network) if isinstance(joined, dict) else None
    return {name, *(options or {}).get("aliases", [])}


def settings_variables() -> list[str]:
    """Names of the environment variables that the settings read."""
    text = (ROOT / "coupon_site" / "settings.py").read_text()
    return sorted(set(re.findall(r'\b(?:env\.\w+|secret)\(\s*"([A-Z_]+)"', text)))
