"""Questions to Grafana."""

from monitoring.catalogue.links import Dashboard
from monitoring.remote import Grafana
from monitoring.verification.check import Failed, NotAsked, Stack, check


@check("grafana", "healthy")
def grafana_healthy(stack: Stack) -> str:
    health = grafana(stack).health()
    if health.get("database") != "ok":
        raise Failed(f"its database is {health.get('database')}")
    return f"{health.get('version')}"


@check("grafana", "datasource")
def datasource(stack: Stack) -> str:
    """Prometheus is there as a datasource."""
    found = [each for each in with_token(stack).datasources() if each["type"] == "prometheus"]
    if not found:
        raise Failed("there is no Prometheus datasource: are the provisioning folders mounted?")
    return ", ".join(f"{each['name']} at {each['url']}" for each in found)


@check("grafana", "dashboards")
def dashboards(stack: Stack) -> str:
    """Those of the repository are there."""
    wanted = {each.value for each in Dashboard}
    found = {each["uid"] for each in with_token(stack).dashboards()}
    if missing := wanted - found:
        raise Failed(f"missing: {', '.join(sorted(missing))}")
    return f"all {len(wanted)}"


def grafana(stack: Stack) -> Grafana:
    if not stack.grafana.url:
        raise NotAsked("name its address with --grafana")
    return stack.grafana


def with_token(stack: Stack) -> Grafana:
    if not grafana(stack).headers:
        raise NotAsked("a service account's token is needed: --grafana-token-file")
    return stack.grafana
