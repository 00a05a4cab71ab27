"""What is asked of a running stack: one function a question, grouped by whom it is asked of."""

from monitoring.verification import alertmanager, data, grafana, prometheus, site
from monitoring.verification.check import Check, Failed, NotAsked, Outcome, Stack, kept, outcomes

AREAS = ("site", "prometheus", "alertmanager", "grafana", "data")
# Each module has put its questions on the list.
CHECKS = sorted(kept, key=lambda check: AREAS.index(check.area))

__all__ = [
    "AREAS",
    "CHECKS",
    "Check",
    "Failed",
    "NotAsked",
    "Outcome",
    "Stack",
    "alertmanager",
    "data",
    "grafana",
    "outcomes",
    "prometheus",
    "site",
]
