"""Alertmanager's HTTP API, version 2."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from monitoring.remote.server import Server


@dataclass(frozen=True)
class Matcher:
    """A condition on a label, as `amtool` writes it: name=value, name!=value, name=~regex, name!~regex."""

    name: str
    value: str
    is_equal: bool = True
    is_regex: bool = False

    @classmethod
    def parse(cls, text: str) -> "Matcher":
        """Raises ValueError."""
        for operator, is_equal, is_regex in (("!=", False, False), ("=~", True, True), ("!~", False, True)):
            name, found, value = text.partition(operator)
            if found and name.isidentifier():
                return cls(name, value, is_equal=is_equal, is_regex=is_regex)
        name, found, value = text.partition("=")
        if not found or not name.isidentifier():
            raise ValueError(f"{text!r} is no matcher: write name=value, name!=value, name=~regex or name!~regex")
        return cls(name, value)

    def __str__(self) -> str:
        operator = ("=~" if self.is_equal else "!~") if self.is_regex else ("=" if self.is_equal else "!=")
        return f"{self.name}{operator}{self.value}"

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "value": self.value, "isEqual": self.is_equal, "isRegex": self.is_regex}


@dataclass(frozen=True)
class Alertmanager(Server):
    """One Alertmanager."""

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json("/api/v2/status")
        return found

    def integrations(self, receivers: Iterable[str]) -> set[str]:
        """By which means these receivers are told: slack, email, webhook, …"""
        config = yaml.safe_load(self.status()["config"]["original"])
        known = {receiver["name"]: receiver for receiver in config["receivers"]}
        keys = {key for name in receivers for key in known[name] if known[name][key]}
        return {key.removesuffix("_configs") for key in keys if key.endswith("_configs")}

    def alerts(self, *matchers: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json("/api/v2/alerts", params={"filter": list(matchers)})
        return found

    def post_alert(
        self, labels: Mapping[str, str], annotations: Mapping[str, str], *, starts_at: datetime, ends_at: datetime
    ) -> None:
        alert = {"labels": labels, "annotations": annotations}
        times = {"startsAt": starts_at.isoformat(), "endsAt": ends_at.isoformat()}
        self.ask("/api/v2/alerts", method="POST", json=[{**alert, **times}])

    def silences(self) -> list[dict[str, Any]]:
        """Those that are not over."""
        found: list[dict[str, Any]] = self.json("/api/v2/silences")
        return [each for each in found if each["status"]["state"] != "expired"]

    def post_silence(
        self, matchers: Sequence[Matcher], *, starts_at: datetime, ends_at: datetime, author: str, comment: str
    ) -> str:
        """The new silence's id."""
        body = {
            "matchers": [each.as_json() for each in matchers],
            "startsAt": starts_at.isoformat(),
            "endsAt": ends_at.isoformat(),
            "createdBy": author,
            "comment": comment,
        }
        made: str = self.json("/api/v2/silences", method="POST", json=body)["silenceID"]
        return made

    def end_silence(self, silence: str) -> None:
        self.ask(f"/api/v2/silence/{silence}", method="DELETE")

    def notifications(self) -> dict[str, tuple[float, float]]:
        """Integration → notifications tried and failed since the start."""
        text = self.ask("/metrics").text
        tried, failed = (count_of(text, f"alertmanager_notifications{kind}_total") for kind in ("", "_failed"))
        return {name: (number, failed.get(name, 0)) for name, number in tried.items()}


def count_of(exposition: str, name: str) -> dict[str, float]:
    """Integration → a counter's sum over its other labels."""
    from prometheus_client.parser import text_string_to_metric_families

    counts: dict[str, float] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.name == name:
                integration = sample.labels["integration"]
                counts[integration] = counts.get(integration, 0) + sample.value
    return counts
