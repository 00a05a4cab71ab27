"""Grafana's HTTP API, read with a service account's token."""

from dataclasses import dataclass
from typing import Any

from monitoring.remote.server import Server


@dataclass(frozen=True)
class Grafana(Server):
    """One Grafana."""

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json("/api/health")
        return found

    def datasources(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json("/api/datasources")
        return found

    def dashboards(self) -> list[dict[str, Any]]:
        """Title, uid and address of each."""
        found: list[dict[str, Any]] = self.json("/api/search", params={"type": "dash-db", "limit": 5000})
        return found

    def dashboard(self, uid: str) -> dict[str, Any]:
        """Its model under `dashboard`, and where it lies under `meta`."""
        found: dict[str, Any] = self.json(f"/api/dashboards/uid/{uid}")
        return found

    def save_dashboard(self, model: dict[str, Any]) -> None:
        """Make it, or replace the one of the same uid."""
        self.ask("/api/dashboards/db", method="POST", json={"dashboard": {**model, "id": None}, "overwrite": True})
