"""The deployment's files, parsed."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file whose top is a mapping."""
    content = yaml.safe_load(path.read_text())
    assert isinstance(content, dict)
    return content


def compose() -> dict[str, Any]:
    return read_yaml(ROOT / "docker-compose.yml")


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
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
