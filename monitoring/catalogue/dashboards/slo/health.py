"""The monitoring itself: what it gathers, and whether what it finds reaches people."""

from monitoring.catalogue.dashboards.colors import JOBS, SEVERITIES
from monitoring.catalogue.dashboards.panel import Column, Lines, Panel, Query, Row, Stat, Table
from monitoring.catalogue.dashboards.promql import (
    chosen,
    highest,
    increase,
    lowest,
    number,
    of,
    quantile,
    rate,
    state,
    total,
)
from monitoring.catalogue.links import runbook_url

SENT, LOST = "alertmanager_notifications_total", "alertmanager_notifications_failed_total"

ALERTS = Row(
    title="Alerts",
    runbook="Watchdog",
    panels=(
        Panel(
            title="Firing Alerts",
            text="Everything that fires, the watchdog among it: it always does, so that its silence is heard.",
            queries=(
                Query(
                    total('ALERTS{alertstate="firing"}', "alertname", "severity", "service"), now=True, shape="table"
                ),
            ),
            unit="none",
            view=Table(
                columns=(
                    Column("alertname", "Alert", link=runbook_url("${__value.raw}")),
                    Column("severity", "Severity"),
                    Column("service", "Service"),
                    Column("Value", "Rules", "none"),
                ),
                sort_by="Severity",
                alphabetical=True,
            ),
            colors=tuple((f"^{name}$", color) for name, color in SEVERITIES.items()),
        ),
        Panel(
            title="Notifications",
            text="Messages about alerts, a second, by the way they take.",
            queries=(Query(total(rate(of("alertmanager", SENT)), "integration"), "{{integration}}"),),
            unit="mps",
            view=Lines(stacked=True),
        ),
        Panel(
            title="Notification Errors",
            text="The share of alerts that do not reach Alertmanager, and of messages that do not reach people.",
            queries=(
                Query(
                    f"{total(rate(of('prometheus', 'prometheus_notifications_errors_total')))}"
                    f" / {total(rate(of('prometheus', 'prometheus_notifications_sent_total')))}",
                    "to Alertmanager",
                ),
                Query(
                    f"{total(rate(of('alertmanager', LOST)), 'integration')}"
                    f" / ({total(rate(of('alertmanager', SENT)), 'integration')} > 0)",
                    "by {{integration}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            title="Notification Latency",
            text="95 of 100 messages are taken by the receiver within this time.",
            queries=(
                Query(
                    quantile(
                        0.95, of("alertmanager", "alertmanager_notification_latency_seconds_bucket"), "integration"
                    ),
                    "{{integration}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            title="Alerts that the Site was Told of",
            text="What Alertmanager has told the live dashboard, in the last hour.",
            queries=(Query(total(increase(chosen("alerts_received_total"), "1h"), "status"), "{{status}}"),),
            unit="short",
            window="1h",
            decimals=0,
            colors=(("firing", "red"), ("resolved", "green")),
        ),
        Panel(
            title="Alertmanagers Known",
            text="Alertmanagers that Prometheus sends to.",
            queries=(
                Query(
                    lowest(of("prometheus", "prometheus_notifications_alertmanagers_discovered"), "instance"),
                    "known",
                    now=True,
                ),
            ),
            unit="short",
            view=Stat(trend=False),
            width=4,
        ),
        Panel(
            title="Alertmanager Cluster",
            text="Alertmanagers that the others do not see.",
            queries=(
                Query(
                    f"{number(of('alertmanager', 'up'))}"
                    f" - {lowest(of('alertmanager', 'alertmanager_cluster_members'))}",
                    "missing",
                    now=True,
                ),
            ),
            unit="short",
            view=Stat(trend=False),
            width=4,
            quiet="alertmanagers",
            empty="A single Alertmanager",
        ),
    ),
)


COLLECTION = Row(
    title="Collection",
    runbook="ScrapeTooLarge",
    panels=(
        Panel(
            title="Series per Target",
            text="Samples that a target shows. One that grows without end has a label that visitors can invent.",
            queries=(
                Query(
                    highest(chosen("scrape_samples_post_metric_relabeling"), "job", "instance"), "{{job}} {{instance}}"
                ),
            ),
            unit="short",
        ),
        Panel(
            title="Scrape Duration",
            text="How long a target takes to show its figures.",
            queries=(Query(highest(chosen("scrape_duration_seconds"), "job"), "{{job}}"),),
            unit="s",
            colors=JOBS,
        ),
        Panel(
            title="State Exporter Age",
            text="Since the figures of the database were last read.",
            queries=(
                Query(
                    f"time() - {lowest(state('state_exporter_last_success_timestamp_seconds'), 'reading')}",
                    "{{reading}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            title="Series in Memory",
            text="Series that Prometheus keeps in memory. It needs about 3 KiB for each.",
            queries=(Query(highest(of("prometheus", "prometheus_tsdb_head_series"), "instance"), "{{instance}}"),),
            unit="short",
        ),
        Panel(
            title="Rule Failures",
            text="Evaluations of rules that failed in the last 5 minutes, by group.",
            queries=(
                Query(
                    total(increase(of("prometheus", "prometheus_rule_evaluation_failures_total"), "5m"), "rule_group"),
                    "{{rule_group}}",
                ),
            ),
            unit="short",
            window="5m",
            decimals=0,
        ),
        Panel(
            title="Rule Evaluation",
            text="How long a group of rules takes, of the time that it has.",
            queries=(
                Query(
                    highest(
                        f"{of('prometheus', 'prometheus_rule_group_last_duration_seconds')}"
                        f" / {of('prometheus', 'prometheus_rule_group_interval_seconds')}",
                        "rule_group",
                    ),
                    "{{rule_group}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            title="Configuration Loaded",
            text="Whether Prometheus and Alertmanager work with the newest configuration.",
            queries=(
                Query(lowest(of("prometheus", "prometheus_config_last_reload_successful"), "job"), "{{job}}", now=True),
                Query(
                    lowest(of("alertmanager", "alertmanager_config_last_reload_successful"), "job"), "{{job}}", now=True
                ),
            ),
            unit="bool_yes_no",
            view=Stat(trend=False),
            height=5,
        ),
        Panel(
            title="Alertmanager Configurations",
            text="Different configurations that Alertmanagers work with.",
            queries=(
                Query(
                    number(f'count_values("hash", {of("alertmanager", "alertmanager_config_hash")})'),
                    "in use",
                    now=True,
                ),
            ),
            unit="short",
            view=Stat(trend=False),
            height=5,
        ),
        Panel(
            title="WAL Corruptions",
            text="Damaged places that Prometheus found in its log in the last hour.",
            queries=(
                Query(
                    total(increase(of("prometheus", "prometheus_tsdb_wal_corruptions_total"), "1h"), "instance"),
                    "{{instance}}",
                    now=True,
                ),
            ),
            unit="short",
            view=Stat(trend=False),
            window="1h",
            decimals=0,
            height=5,
        ),
    ),
)
