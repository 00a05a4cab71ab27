"""Questions to Alertmanager, and about the way to it."""

from monitoring.verification.check import Failed, Stack, check
from monitoring.verification.prometheus import HEARTBEAT


@check("alertmanager", "healthy")
def alertmanager_healthy(stack: Stack) -> str:
    status = stack.alertmanager.status()
    if status["cluster"]["status"] not in {"ready", "disabled"}:
        raise Failed(f"its cluster is {status['cluster']['status']}")
    return f"{status['versionInfo']['version']}, cluster {status['cluster']['status']}"


@check("alertmanager", "connected")
def connected(stack: Stack) -> str:
    """Prometheus knows where to send alerts, and none was lost on the way."""
    active = stack.prometheus.data("alertmanagers")["activeAlertmanagers"]
    if not active:
        raise Failed("Prometheus knows no Alertmanager")
    if lost := stack.prometheus.query("increase(prometheus_notifications_errors_total[15m]) > 0"):
        raise Failed(f"{lost[0].value:.0f} notifications to {lost[0].labels.get('alertmanager')} failed in 15 minutes")
    return ", ".join(each["url"] for each in active)


@check("alertmanager", "heartbeat arrives")
def heartbeat_arrives(stack: Stack) -> str:
    found = stack.alertmanager.alerts(f'alertname="{HEARTBEAT}"')
    if not found:
        raise Failed(f"{HEARTBEAT} has not come")
    receivers = ", ".join(each["name"] for each in found[0]["receivers"])
    return f"for {receivers}"


@check("alertmanager", "notifications")
def notifications(stack: Stack) -> str:
    """Those of the last hour reached their receivers."""
    failed = stack.prometheus.query("sum by (integration) (increase(alertmanager_notifications_failed_total[1h])) > 0")
    if failed:
        raise Failed(f"failed within the hour: {', '.join(each.labels['integration'] for each in failed)}")
    tried = {name: number for name, (number, _) in stack.alertmanager.notifications().items() if number}
    return ", ".join(f"{name} {number:.0f}" for name, number in sorted(tried.items())) or "none yet"
