"""Series of commands that end before they could be scraped: files that node exporter's textfile collector reads."""

import time
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
from prometheus_client.parser import text_string_to_metric_families

BACKUP = "backup_last_success_timestamp_seconds"
DRILL = "restore_drill_last_success_timestamp_seconds"


def note_backup(folder: Path, parts: list[str]) -> None:
    """The parts were backed up now; when others were stays as it is."""
    file = folder / "backup.prom"
    now = time.time()
    moments = {**moments_in(file), **dict.fromkeys(parts, now)}
    registry = CollectorRegistry()
    gauge = Gauge(BACKUP, "When a backup of this last ended well", ["what"], registry=registry)
    for what, moment in moments.items():
        gauge.labels(what).set(moment)
    write(file, registry)


def note_drill(folder: Path) -> None:
    """A backup was restored now, and held what it should."""
    registry = CollectorRegistry()
    Gauge(DRILL, "When a backup was last restored on trial", registry=registry).set_to_current_time()
    write(folder / "restore_drill.prom", registry)


def moments_in(file: Path) -> dict[str, float]:
    """What a file of backups says; nothing when there is none, or it is broken."""
    try:
        families = list(text_string_to_metric_families(file.read_text()))
    except (OSError, ValueError):
        return {}
    return {
        sample.labels["what"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == BACKUP and "what" in sample.labels
    }


def write(file: Path, registry: CollectorRegistry) -> None:
    """As a whole or not at all: the collector may read at any moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(file), registry)
