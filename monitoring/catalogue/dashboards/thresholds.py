"""Which alerts a panel shows, and the marks on its axis that they make."""

from monitoring.catalogue.alerts import ALERTS, Alert
from monitoring.catalogue.dashboards.colors import CALM, GOOD, SEVERITIES
from monitoring.catalogue.dashboards.panel import Board, Panel

# A mark belongs to what lies above it in Grafana, while "more than nothing" begins only above 0.
ABOVE_NOTHING = 0.001

Step = tuple[float | None, str]


def key_of(alert: Alert) -> str:
    """Its name, and its scope where rules share a name."""
    return f"{alert.name}/{alert.scope}" if alert.scope else alert.name


def own_alerts(board: Board, panel: Panel) -> tuple[Alert, ...]:
    """Alerts that say of themselves that this panel shows their figure."""
    return tuple(alert for alert in ALERTS if (alert.dashboard, alert.panel) == (board.uid, panel.title))


def alerts_of(board: Board, panel: Panel) -> tuple[Alert, ...]:
    """Its own alerts, and those whose figure it shows besides another panel."""
    return own_alerts(board, panel) + tuple(alert for alert in ALERTS if key_of(alert) in panel.alerts)


def steps_of(alerts: tuple[Alert, ...]) -> list[Step]:
    """Colours of an axis from below upwards: each begins at its number, the first at the very bottom."""
    marks = sorted((mark_of(alert), SEVERITIES[alert.severity]) for alert in alerts if has_mark(alert))
    if not marks:
        return [(None, CALM)]
    if all(fires_below(alert) for alert in alerts if has_mark(alert)):
        values, colors = zip(*marks, strict=True)
        return list(zip((None, *values), (*colors, GOOD), strict=True))
    return [(None, GOOD), *marks]


def has_mark(alert: Alert) -> bool:
    """The watchdog fires whatever the figure; an absent series has none."""
    return alert.severity != "none" and not alert.measure.startswith("absent(")


def mark_of(alert: Alert) -> float:
    includes_zero = alert.op in {">", "<=", "=="}
    return ABOVE_NOTHING if alert.threshold == 0 and includes_zero else alert.threshold


def fires_below(alert: Alert) -> bool:
    return alert.op in {"<", "<="} or (alert.op == "==" and alert.threshold == 0)
