"""`deploy/seeds.yml`: each row of the source documents, the things that fulfil it, and the tests that prove it."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, resolve

import events.sse
from coupon_site.asgi import addresses
from monitoring.catalogue.series import SAMPLES, SERIES
from tests.deploy.files import DEPLOY, ROOT, read_yaml

SEEDS = DEPLOY / "seeds.yml"
RULES = DEPLOY / "prometheus" / "rules"
DASHBOARDS = DEPLOY / "grafana" / "dashboards"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: `artefacts` is kind → names, `tests` are `file::function`."""

    name: str
    seeds: tuple[str, ...]
    what: str
    artefacts: dict[str, list[str]]
    tests: list[str]

    @property
    def problems(self) -> list[str]:
        """What the row lacks."""
        return [
            *(f"{kind} {name}" for kind, names in self.artefacts.items() for name in names if not CHECKS[kind](name)),
            *(f"test {name}" for name in self.tests if not has_test(name)),
            *(["an artefact"] if not self.artefacts else []),
            *(["a test"] if not self.tests else []),
        ]


def rows() -> Iterator[Row]:
    """Every row of the file."""
    for name, content in read_yaml(SEEDS).items():
        yield Row(
            name=name,
            seeds=tuple(str(content.pop("seeds")).split()),
            what=content.pop("what"),
            tests=content.pop("tests"),
            artefacts=content,
        )


# --- What there is ---


@cache
def series() -> frozenset[str]:
    """Names of all series that are served or scraped."""
    return frozenset({*SERIES, *SAMPLES})


@cache
def alerts() -> frozenset[str]:
    return frozenset(rule["alert"] for rule in all_rules() if "alert" in rule)


@cache
def recordings() -> frozenset[str]:
    return frozenset(rule["record"] for rule in all_rules() if "record" in rule)


@cache
def all_rules() -> tuple[dict[str, Any], ...]:
    """Every rule that Prometheus loads."""
    groups = [group for file in sorted(RULES.glob("*.yml")) for group in read_yaml(file)["groups"]]
    return tuple(rule for group in groups for rule in group["rules"])


@cache
def panels() -> dict[str, set[str]]:
    """Dashboard's uid → titles of its panels, those in rows too."""
    found = {}
    for file in DASHBOARDS.glob("*.json"):
        content = json.loads(file.read_text())
        found[content["uid"]] = {panel.get("title", "") for panel in flat(content["panels"])}
    return found


def flat(some_panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in some_panels:
        yield panel
        yield from flat(panel.get("panels", []))


@cache
def functions(file: Path) -> frozenset[str]:
    """Names of the functions of a Python file, methods too."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, kinds))


@cache
def composed() -> frozenset[str]:
    """Services of every compose file."""
    files = [ROOT / "docker-compose.yml", *(DEPLOY / "compose").glob("*.yml")]
    return frozenset(name for file in files for name in compose_services(file))


def compose_services(file: Path) -> list[str]:
    # Overlays carry tags of their own, such as !reset.
    return list(yaml.load(file.read_text(), Loader=AnyTag).get("services", {}))  # noqa: S506


class AnyTag(yaml.SafeLoader):
    """Reads past tags that it does not know."""


AnyTag.add_multi_constructor("!", lambda loader, suffix, node: None)

# --- Whether there is … ---


def has_metric(name: str) -> bool:
    return name in series() or name in recordings()


def has_panel(name: str) -> bool:
    """`uid: title`."""
    uid, _, title = name.partition(": ")
    return title in panels().get(uid, set())


def has_file(name: str) -> bool:
    """`path` or `path#heading`."""
    path, _, heading = name.partition("#")
    file = ROOT / path
    return file.exists() and (not heading or heading in headings(file))


def headings(file: Path) -> list[str]:
    """The headings of a page, as links name them."""
    found = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found]


def has_text(name: str) -> bool:
    """`path: words that stand there`."""
    path, _, words = name.partition(": ")
    file = ROOT / path
    return file.is_file() and words in file.read_text()


def has_endpoint(name: str) -> bool:
    """`/path` of the site, `ws /path` of a socket, or `sse /path` of an event stream."""
    kind, _, path = name.rpartition(" ")
    if kind == "sse":
        return path == events.sse.PATH
    if kind == "ws":
        return any(route.resolve(path.lstrip("/")) for route in addresses if "refuse" not in str(route.callback))
    try:
        return "admin" not in resolve(path).namespaces
    except Resolver404:
        return False


def has_command(name: str) -> bool:
    """`command` or `command verb` of manage.py."""
    command, _, verb = name.partition(" ")
    app = get_commands().get(command)
    if app is None:
        return False
    parser = load_command_class(str(app), command).create_parser("manage.py", command)
    return not verb or any(verb in (action.choices or ()) for action in parser._actions)


def has_receiver(name: str) -> bool:
    config = read_yaml(DEPLOY / "alertmanager" / "alertmanager.yml")
    return name in {receiver["name"] for receiver in config["receivers"]}


def has_job(name: str) -> bool:
    config = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")
    return name in {job["job_name"] for job in config["scrape_configs"]}


def has_setting(name: str) -> bool:
    """A setting of the site, or a variable of its deployment."""
    example = (ROOT / ".env.example").read_text()
    return hasattr(settings, name) or re.search(rf"^(# )?{name}=", example, re.MULTILINE) is not None


def has_target(name: str) -> bool:
    return re.search(rf"^{name}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None


def has_test(name: str) -> bool:
    """`file::function`."""
    path, _, function = name.partition("::")
    file = ROOT / path
    return function.startswith("test_") and file.is_file() and function in functions(file)


CHECKS: dict[str, Callable[[str], bool]] = {
    "metric": has_metric,
    "alert": lambda name: name in alerts(),
    "panel": has_panel,
    "dashboard": lambda name: name in panels(),
    "file": has_file,
    "text": has_text,
    "endpoint": has_endpoint,
    "command": has_command,
    "receiver": has_receiver,
    "job": has_job,
    "service": lambda name: name in composed(),
    "setting": has_setting,
    "make": has_target,
}
