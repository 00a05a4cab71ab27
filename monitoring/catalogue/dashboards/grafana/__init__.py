"""A dashboard as the file that Grafana reads. Needs the packages of requirements-dev.txt."""

import json
import warnings

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from monitoring.catalogue.dashboards.panel import Board

with warnings.catch_warnings():
    # The package would rather write Grafana's next format, which no Grafana reads from files yet.
    warnings.filterwarnings("ignore", message="Prefer using dashboardv2", category=DeprecationWarning)
    from monitoring.catalogue.dashboards.grafana.boards import board_of

__all__ = ["render"]


def render(board: Board) -> str:
    return json.dumps(board_of(board), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"
