"""The catalogue as a page for people."""

from collections.abc import Iterator

from monitoring.catalogue import rules, slos
from monitoring.catalogue.alerts import ALERTS
from monitoring.catalogue.series import SECTIONS, Series

PAGE = "docs/metrics.md"

HEAD = """\
<!-- Written by `manage.py monitoring generate` from monitoring/catalogue/: change it there. -->
# Metrics

Every series, recording, objective and alert. Counters end in `_total`; rates are for queries to take. Every process
shows the series of all apps, most of them at 0; *job* says where a figure is counted.
"""


def files() -> dict[str, str]:
    """Path below the repository → content."""
    return {PAGE: "\n".join([HEAD, *series(), *recordings(), *objectives(), *alerts()]) + "\n"}


def table(heads: str, rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Markdown; `heads` are separated by bars."""
    names = heads.split("|")
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def series() -> Iterator[str]:
    for title, section in SECTIONS.items():
        yield f"## {title}\n"
        yield from table("Series|Kind|Labels|Unit|What|Job", (series_row(each) for each in section))
        yield from bounds(section)


def series_row(each: Series) -> tuple[str, ...]:
    labels = ", ".join(code(label) for label in each.labels)
    return code(each.name), each.kind, labels, each.unit, each.help, ", ".join(each.jobs)


def bounds(section: tuple[Series, ...]) -> Iterator[str]:
    """Where a histogram can tell one value from another."""
    found = [each for each in section if each.buckets]
    for each in found:
        yield f"`{each.name}` has the bounds {', '.join(f'{bound:g}' for bound in each.buckets)}."
    if found:
        yield ""


def recordings() -> Iterator[str]:
    yield "## Recordings\n"
    groups = [group for groups in rules.RECORDINGS_BY_FILE.values() for group in groups]
    every = {each.record: (each.help, group.interval) for group in groups for each in group.recordings}
    yield from table("Recording|What|Every", ((code(name), *row) for name, row in every.items()))


def objectives() -> Iterator[str]:
    yield f"## Objectives\n\nOver {slos.WINDOW_DAYS} days, each event counted once.\n"
    rows = ((code(slo.name), slo.help, f"{slo.objective:.1%}", slo.service) for slo in slos.SLOS)
    yield from table("Objective|Good|Promised|Service", rows)


def alerts() -> Iterator[str]:
    yield "## Alerts\n"
    rows = (
        (
            f"[{alert.name}](runbooks/{alert.name}.md)",
            f"{alert.severity}, {alert.category}",
            alert.service if "{{" not in alert.service else "its own",
            alert.team,
            f"{alert.summary} ({alert.op} {alert.threshold:g}, for {alert.for_})",
        )
        for alert in ALERTS
    )
    yield from table("Alert|Severity, category|Service|Team|When", rows)
