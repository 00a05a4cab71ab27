"""Every alert firing, silent and resolving, as tests for promtool."""

from monitoring.catalogue.rules import dump
from monitoring.catalogue.scenarios import (
    business,
    http,
    kubernetes,
    money,
    monitors,
    objectives,
    outbox,
    platform,
    realtime,
    recordings,
)
from monitoring.catalogue.scenarios.promtool import suite
from monitoring.catalogue.scenarios.scenario import Reading, Scenario, Standing

__all__ = ["SCENARIOS_BY_FILE", "Scenario", "files"]

FOLDER = "deploy/prometheus/tests"

SCENARIOS_BY_FILE: dict[str, list[Scenario]] = {
    "http": http.SCENARIOS,
    "outbox": outbox.SCENARIOS,
    "gifts": business.GIFTS,
    "orders": business.SOLD,
    "money": money.SCENARIOS,
    "realtime": realtime.SCENARIOS,
    "processes": platform.PROCESSES,
    "stores": platform.STORES,
    "machines": platform.MACHINES,
    "backups": platform.BACKUPS,
    "kubernetes": kubernetes.SCENARIOS,
    "monitoring": monitors.SCENARIOS,
    "slo": objectives.SCENARIOS,
}
ALWAYS_BY_FILE: dict[str, list[Standing]] = {"monitoring": monitors.ALWAYS}
READINGS_BY_FILE: dict[str, list[Reading]] = {"recordings": recordings.READINGS, "slo": objectives.READINGS}


def files() -> dict[str, str]:
    """Path below the repository → content: a file for each file of rules and each pace of evaluation."""
    found = {}
    for file in {**SCENARIOS_BY_FILE, **READINGS_BY_FILE}:
        scenarios, readings = SCENARIOS_BY_FILE.get(file, []), READINGS_BY_FILE.get(file, [])
        paces = {each.evaluated_every for each in scenarios} | {each.evaluated_every for each in readings}
        for pace in sorted(paces):
            name = file if pace == 1 else f"{file}-every-{pace}m"
            found[f"{FOLDER}/{name}.yml"] = dump(
                suite(
                    file,
                    [each for each in scenarios if each.evaluated_every == pace],
                    [each for each in readings if each.evaluated_every == pace],
                    always=ALWAYS_BY_FILE.get(file, []) if pace == 1 else [],
                    evaluated_every=pace,
                )
            )
    return found
