"""Promises to customers, and backups that keep them."""

from monitoring.catalogue.dashboards.panel import Column, Lines, Panel, Query, Row, Stat, Table
from monitoring.catalogue.dashboards.promql import (
    everywhere,
    highest,
    lowest,
    of,
)

BURNS = ("5m", "1h", "6h", "1d", "3d")

PROMISES = Row(
    title="Objectives",
    runbook="SloBurnRatePage",
    panels=(
        Panel(
            title="Error Budget",
            text="What is left of each objective's 30 days. At 0 % the promise is broken: stop releases, mend.",
            queries=(Query("slo:error_budget_remaining:ratio30d", "{{slo}}", now=True),),
            unit="percentunit",
            view=Stat(trend=False),
            width=24,
            height=5,
            maximum=1,
        ),
        Panel(
            title="Burn Rate",
            text="How fast the last hour spends an objective's budget: 1 lasts exactly 30 days, 14.4 two days.",
            queries=(Query("slo:burn_rate:1h", "{{slo}}"),),
            unit="short",
            width=12,
            height=9,
        ),
        Panel(
            title="Burn Rates by Window",
            text="A short window shows that it burns, a long one that it matters.",
            queries=tuple(Query(f"slo:burn_rate:{window}", now=True, shape="table") for window in BURNS),
            unit="short",
            view=Table(
                columns=(
                    Column("slo", "Objective"),
                    *(Column(f"Value #{chr(ord('A') + n)}", window, "short") for n, window in enumerate(BURNS)),
                ),
                sort_by=BURNS[1],
            ),
            decimals=2,
            width=12,
            height=9,
        ),
        Panel(
            title="Events of the Last Hour",
            text="What an objective was judged by. Below 50 an hour alerts keep quiet: the probes stand in.",
            queries=(Query("slo:valid_events:1h", "{{slo}}"),),
            unit="short",
            view=Lines(logarithmic=True),
            width=12,
        ),
        Panel(
            title="Synthetic Probes",
            text="Whether the site answers from outside as a visitor expects.",
            queries=(Query(lowest(of("blackbox", "probe_success"), "instance"), "{{instance}}", now=True),),
            unit="bool_yes_no",
            view=Stat(trend=False),
            width=6,
        ),
        Panel(
            title="Probe Duration",
            text="How long a probe's request takes from outside.",
            queries=(Query(highest(of("blackbox", "probe_duration_seconds"), "instance"), "{{instance}}"),),
            unit="s",
            width=6,
        ),
    ),
)


BACKUPS = Row(
    title="Backups",
    runbook="BackupTooOld",
    panels=(
        Panel(
            title="Backup Age",
            text="Since each kind of backup last succeeded.",
            queries=(
                Query(f"time() - {highest(everywhere('backup_last_success_timestamp_seconds'), 'what')}", "{{what}}"),
            ),
            unit="dtdurations",
            width=12,
            quiet="backups",
            empty="No backup was ever made",
        ),
        Panel(
            title="Restore Drill Age",
            text="Since somebody last tried whether a backup can be restored.",
            queries=(
                Query(
                    f"time() - {highest(everywhere('restore_drill_last_success_timestamp_seconds'), 'what')}",
                    "{{what}}",
                ),
            ),
            unit="dtdurations",
            width=12,
            quiet="backups",
            empty="Nobody ever tried to restore",
        ),
    ),
)
