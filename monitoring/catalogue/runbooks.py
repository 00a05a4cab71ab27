"""The first draft of a runbook; people write on from there, and nothing overwrites them."""

from monitoring.catalogue.alerts import ALERTS, Alert
from monitoring.catalogue.links import dashboard_url

FOLDER = "docs/runbooks"
STUB = """\
# {name}

## Meaning

{summary}.

```promql
{expr}
```

## Impact

What customers notice of it.

## Severity and route

{severity}, {category}; service `{service}`, team {team}.

## Diagnosis

[{panel}]({dashboard})

## Mitigation

## Escalation

## Verification

Nothing must come back:

```promql
{expr}
```

## False positives

## Incident log
"""


def files() -> dict[str, str]:
    """Path below the repository → content; to be written only where there is none."""
    return {f"{FOLDER}/{alert.name}.md": stub(alert) for alert in reversed(ALERTS)}


def stub(alert: Alert) -> str:
    return STUB.format(
        name=alert.name,
        summary=alert.summary,
        expr=alert.expr,
        severity=alert.severity,
        category=alert.category,
        service=alert.service,
        team=alert.team,
        panel=alert.panel,
        dashboard=dashboard_url(alert.dashboard),
    )
