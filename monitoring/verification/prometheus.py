"""Questions to Prometheus."""

from collections import Counter

from monitoring.catalogue.alerts import ALERTS
from monitoring.stack.durations import seconds
from monitoring.verification.check import Failed, NotAsked, Stack, check

JOBS = {"app-web", "app-worker", "app-import", "app-realtime", "app-state"}
# Fires at any time: it proves the way from rule to receiver.
HEARTBEAT = "Watchdog"
NEEDED_RETENTION = "35d"  # the SLOs look back 30


@check("prometheus", "healthy")
def healthy(stack: Stack) -> str:
    said = stack.prometheus.ask("/-/healthy").text.strip()
    stack.prometheus.ask("/-/ready")
    if "Healthy" not in said:
        raise Failed(f"/-/healthy says {said[:80]!r}")
    return said


@check("prometheus", "targets")
def targets(stack: Stack) -> str:
    """Every target is up, and every job of the site has one."""
    found = stack.prometheus.targets()
    down = [each for each in found if each["health"] != "up"]
    if down:
        worst = down[0]
        more = f" (and {len(down) - 1} more)" if len(down) > 1 else ""
        raise Failed(f"{worst['labels']['job']} {worst['scrapeUrl']}: {worst['lastError'] or worst['health']}{more}")
    jobs = Counter(each["labels"]["job"] for each in found)
    if missing := JOBS - jobs.keys():
        raise Failed(f"no target of {', '.join(sorted(missing))}")
    return ", ".join(f"{job} {count}" for job, count in sorted(jobs.items()))


@check("prometheus", "configuration")
def configuration(stack: Stack) -> str:
    """The file on the disk is the one that is in use."""
    if found := stack.prometheus.query("prometheus_config_last_reload_successful == 0"):
        raise Failed(f"the last reload failed at {found[0].labels.get('instance')}")
    return "the last reload went well"


@check("prometheus", "rules")
def rules(stack: Stack) -> str:
    """Every alert of the catalogue is loaded, and each rule can be evaluated."""
    found = stack.prometheus.rules()
    if missing := {alert.name for alert in ALERTS} - {rule["name"] for rule in found}:
        raise Failed(f"{len(missing)} alerts are not loaded, such as {min(missing)}")
    if broken := [rule for rule in found if rule["health"] == "err"]:
        raise Failed(f"{broken[0]['name']}: {broken[0].get('lastError')}")
    kinds = Counter(rule["type"] for rule in found)
    return f"{kinds['alerting']} alerts, {kinds['recording']} recordings, none fails"


@check("prometheus", "retention")
def retention(stack: Stack) -> str:
    """History reaches as far back as the SLOs look, or will."""
    kept = stack.prometheus.data("status/flags").get("storage.tsdb.retention.time", "0s")
    kept = "15d" if seconds(kept) == 0 else kept  # what Prometheus does when nothing is said
    if seconds(kept) < seconds(NEEDED_RETENTION):
        raise NotAsked(f"{kept} will do for a laptop; SLOs over 30 days want {NEEDED_RETENTION}")
    return kept


@check("prometheus", "heartbeat")
def heartbeat(stack: Stack) -> str:
    """The alert that always fires does."""
    firing = stack.prometheus.query(f'ALERTS{{alertname="{HEARTBEAT}",alertstate="firing"}}')
    if not firing:
        raise Failed(f"{HEARTBEAT} does not fire: nobody would notice when alerts stay away")
    return f"{HEARTBEAT} fires"
