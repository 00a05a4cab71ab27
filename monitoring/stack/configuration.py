"""The deployed configuration of Prometheus on this machine: other addresses and paths, perhaps faster; nothing else."""

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from monitoring.stack.durations import divided, faster, milliseconds

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SECRETS = "/run/secrets/"
DISCOVERY = (
    "consul_sd_configs",
    "dns_sd_configs",
    "docker_sd_configs",
    "file_sd_configs",
    "kubernetes_sd_configs",
    "static_configs",
)
INTERVALS = ("scrape_interval", "evaluation_interval", "interval")
NOBODY = "http://127.0.0.1:9/"  # the discard port: what goes there is tried, fails and is counted
# However fast time runs, nobody is asked more often. What is asked seldom may be slow: PostgreSQL's exporter needs more
# than a second to find out that its server is away.
LEAST_INTERVAL, SELDOM, LEAST_SELDOM = "1s", "30s", "3s"

Yaml = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a Prometheus runs: its folder, its targets, its Alertmanagers, how fast its time passes."""

    folder: Path
    target_folders: Sequence[Path]
    jobs: Collection[str]
    alertmanagers: Sequence[str] = ()
    speed: float = 1
    scrape_interval: str = ""

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"


def read(path: Path) -> Yaml:
    content: Yaml = yaml.safe_load(path.read_text())
    return content


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000))
    return path


def write_prometheus(place: Place, *, token: str = "", deploy: Path = DEPLOY) -> Path:
    """Write prometheus.yml, its rules and the token by which it may ask the site below the folder."""
    source = deploy / "prometheus"
    config = on_this_machine(read(source / "prometheus.yml"), place)
    for pattern in config.get("rule_files", ()):
        for file in source.glob(pattern):
            write(place.folder / file.relative_to(source), faster_rules(read(file), place.speed))
    write_secrets(config, place.secrets, {"metrics_token": token})
    return write(place.folder / "prometheus.yml", config)


def on_this_machine(config: Mapping[str, Any], place: Place) -> Yaml:
    """prometheus.yml for this place."""
    adapted: Yaml = with_secrets_in(place.secrets, copy.deepcopy(dict(config)))
    # A job's timeout is shortened by its own interval alone.
    usual = {name: adapted["global"][name] for name in ("scrape_interval", "scrape_timeout")}
    adapted["global"] = paced(adapted["global"], place)
    managers = {"static_configs": [{"targets": list(place.alertmanagers)}]}
    adapted["alerting"] = {**adapted.get("alerting", {}), "alertmanagers": [managers] if place.alertmanagers else []}
    adapted["scrape_configs"] = [
        scrape({**usual, **job}, place) for job in adapted["scrape_configs"] if job["job_name"] in place.jobs
    ]
    return adapted


def scrape(job: Mapping[str, Any], place: Place) -> Yaml:
    """One job whose targets stand in files; labels that it gave to its targets stay."""
    kept = {key: value for key, value in job.items() if key not in DISCOVERY}
    fixed = {name: value for group in job.get("static_configs", ()) for name, value in group.get("labels", {}).items()}
    labels = [{"target_label": name, "replacement": value} for name, value in fixed.items()]
    if relabeling := [*labels, *kept.pop("relabel_configs", ())]:
        kept["relabel_configs"] = relabeling
    files = [str(folder / f"{job['job_name']}.json") for folder in place.target_folders]
    return {**paced(kept, place), "file_sd_configs": [{"files": files, "refresh_interval": "5s"}]}


def paced(section: Mapping[str, Any], place: Place) -> Yaml:
    """Intervals of this place; no scrape may take longer than what lies between two."""
    changed = dict(section)
    for name in INTERVALS:
        if name in changed:
            changed[name] = place.scrape_interval or interval(changed[name], place.speed)
    if "scrape_timeout" in changed:
        between = changed.get("scrape_interval") or place.scrape_interval or changed["scrape_timeout"]
        changed["scrape_timeout"] = min(changed["scrape_timeout"], between, key=milliseconds)
    return changed


def interval(usual: str, speed: float) -> str:
    """Between two scrapes or evaluations."""
    least = LEAST_SELDOM if milliseconds(usual) >= milliseconds(SELDOM) else LEAST_INTERVAL
    return divided(usual, speed, least=least)


def faster_rules(rules: Mapping[str, Any], speed: float) -> Yaml:
    """A file of rules in which time runs faster."""
    adapted = copy.deepcopy(dict(rules))
    if speed == 1:
        return adapted
    for group in adapted["groups"]:
        if "interval" in group:
            group["interval"] = interval(group["interval"], speed)
        for rule in group["rules"]:
            rule["expr"] = faster(str(rule["expr"]), speed)
            for name in {"for", "keep_firing_for"} & rule.keys():
                rule[name] = divided(str(rule[name]), speed)
    return adapted


def write_secrets(config: Any, folder: Path, known: Mapping[str, str]) -> None:
    """The files below the folder that a configuration names; those that nobody gave lead nowhere."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in secrets_named_in(config, folder):
        file.touch(mode=0o600)
        file.write_text(known.get(file.name, NOBODY))


def with_secrets_in(folder: Path, value: Any) -> Any:
    """The same configuration with its secrets in another folder."""
    match value:
        case str() if value.startswith(SECRETS):
            return str(folder / value.removeprefix(SECRETS))
        case dict():
            return {name: with_secrets_in(folder, each) for name, each in value.items()}
        case list():
            return [with_secrets_in(folder, each) for each in value]
    return value


def secrets_named_in(value: Any, folder: Path) -> Iterator[Path]:
    """Files below the folder that a configuration reads."""
    match value:
        case str() if value.startswith(f"{folder}/"):
            yield Path(value)
        case dict():
            for each in value.values():
                yield from secrets_named_in(each, folder)
        case list():
            for each in value:
                yield from secrets_named_in(each, folder)
