"""One alert, and the few words that its labels may consist of."""

from dataclasses import dataclass
from typing import Literal

from monitoring.catalogue.links import Dashboard, dashboard_url, runbook_url

Comparison = Literal[">", ">=", "<", "<=", "=="]
Severity = Literal["critical", "warning", "info", "none"]
Category = Literal[
    "availability",
    "latency",
    "business",
    "payments",
    "delivery",
    "integrity",
    "capacity",
    "deployment",
    "slo",
    "monitoring",
]
Team = Literal["shop", "payments", "platform"]

# Every series of the site; one that another target shows by the same name is not meant.
APP = 'job=~"app-.*"'


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A figure compared with a threshold, and what to tell whom when it is beyond it."""

    name: str
    measure: str  # the figure, in PromQL; a panel may draw it beside `threshold`
    op: Comparison = ">"
    threshold: float
    guard: str = ""  # what must hold besides: enough traffic to judge
    also: tuple[str, ...] = ()  # whole conditions, each of which is reason enough
    for_: str = "0s"
    keep_firing_for: str = ""
    severity: Severity
    category: Category
    service: str  # what inhibits what: a critical alert silences the lesser ones of its service
    team: Team
    scope: str = ""  # tells rules of one name apart
    summary: str
    description: str
    dashboard: Dashboard
    panel: str
    seeds: tuple[str, ...] = ()  # numbers of the sources that ask for it
    aliases: tuple[str, ...] = ()  # its names there, where they differ

    @property
    def expr(self) -> str:
        """The condition as a whole, one line for each of its parts."""
        first = f"{self.measure} {self.op} {number(self.threshold)}"
        guarded = f"{first}\nand {self.guard}" if self.guard else first
        return "\nor ".join([guarded, *self.also])

    @property
    def labels(self) -> dict[str, str]:
        labels = {"severity": self.severity, "category": self.category, "service": self.service, "team": self.team}
        return labels | ({"scope": self.scope} if self.scope else {})

    @property
    def annotations(self) -> dict[str, str]:
        annotations = {
            "summary": self.summary,
            "description": self.description,
            "runbook_url": runbook_url(self.name),
            "dashboard_url": dashboard_url(self.dashboard),
        }
        traces = {"seed": " ".join(self.seeds), "alias": ", ".join(self.aliases)}
        return annotations | {name: text for name, text in traces.items() if text}


def number(value: float) -> str:
    """A number as people write it: 300, 0.02."""
    return str(int(value)) if value == int(value) else str(value)
