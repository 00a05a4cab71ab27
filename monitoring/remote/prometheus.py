"""Prometheus' HTTP API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.remote.server import RemoteError, Server

SNAPSHOT_SECONDS = 600.0  # the newest two hours are written out first


@dataclass(frozen=True)
class Sample:
    """One series of an instant query."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Prometheus(Server):
    """One Prometheus."""

    def data(self, path: str, *, method: str = "GET", **options: Any) -> Any:
        body = self.json(f"/api/v1/{path}", method=method, **options)
        if not isinstance(body, dict) or body.get("status") != "success":
            raise RemoteError(f"{self.name}/api/v1/{path} does not answer as Prometheus does")
        return body["data"]

    def query(self, expression: str, *, at: float | None = None) -> list[Sample]:
        """What an expression gives now, or at a moment in seconds since 1970."""
        parameters = {"query": expression} | ({} if at is None else {"time": f"{at:.3f}"})
        found = self.data("query", params=parameters)
        if found["resultType"] != "vector":
            raise RemoteError(f"{expression} gives no vector")
        return [Sample(each["metric"], float(each["value"][1])) for each in found["result"]]

    def value(self, expression: str) -> float | None:
        """The first series' value, or none."""
        samples = self.query(expression)
        return samples[0].value if samples else None

    def targets(self) -> Sequence[dict[str, Any]]:
        found: Sequence[dict[str, Any]] = self.data("targets", params={"state": "active"})["activeTargets"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Every rule of every group."""
        return [rule for group in self.data("rules")["groups"] for rule in group["rules"]]

    def snapshot(self) -> str:
        """Write all data, the newest too, to a folder of that name below `snapshots` of the data folder."""
        try:
            name: str = self.data("admin/tsdb/snapshot", method="POST", timeout=SNAPSHOT_SECONDS)["name"]
        except RemoteError as error:
            if "admin APIs disabled" in str(error):
                raise RemoteError(f"{self.name} takes no snapshots: start it with --web.enable-admin-api") from error
            raise
        return name
