"""Prometheus and Alertmanager themselves."""

from monitoring.catalogue.scenarios.scenario import Scenario, Standing, grows, shows

SERVER = 'job="prometheus",instance="prometheus-1:9090"'
INSTANCE = {"instance": "prometheus-1:9090"}
MANAGER = 'job="alertmanager",instance="alertmanager-1:9093"'
SECOND = 'job="alertmanager",instance="alertmanager-2:9093"'
MANAGERS = {"instance": "alertmanager-1:9093"}
TARGET = 'job="app-web",instance="web-1:9101"'
ERRORS = f'prometheus_notifications_errors_total{{{SERVER},alertmanager="http://alertmanager:9093"}}'
SENT = f'prometheus_notifications_sent_total{{{SERVER},alertmanager="http://alertmanager:9093"}}'
FAILED = f'alertmanager_notifications_failed_total{{{MANAGER},integration="slack"}}'
NOTIFIED = f'alertmanager_notifications_total{{{MANAGER},integration="slack"}}'
NOTICE = 'ALERTS{alertname="RestoreDrillTooOld",alertstate="firing",severity="info",service="backup"}'
WARNING = 'ALERTS{alertname="BackupTooOld",alertstate="firing",severity="warning",service="backup"}'
MEMBERS = "alertmanager_cluster_members"
HASH = "alertmanager_config_hash"

ALWAYS = [
    Standing(
        alert="Watchdog",
        description="Always fires: whoever stops receiving it knows that alerts do not arrive.",
    ),
]
SCENARIOS = [
    Scenario(
        alert="InfoInhibitor",
        feeds={NOTICE: shows(None, 1, None)},
        fires=10,
        heals=30,
        resolves=35,
        labels={"service": "backup"},
        description="Keeps notices about backup quiet for as long as nothing worse happens to it.",
        quiet=({NOTICE: shows(1), WARNING: shows(1)},),
    ),
    Scenario(
        alert="ScrapeTooLarge",
        feeds={f"scrape_samples_post_metric_relabeling{{{TARGET}}}": shows(1500, 4500, 1500)},
        fires=25,
        heals=40,
        resolves=40,
        labels={"job": "app-web", "instance": "web-1:9101"},
        description="app-web web-1:9101 shows 4500 samples (limit 4000).",
        quiet=({f"scrape_samples_post_metric_relabeling{{{TARGET}}}": shows(4000)},),
    ),
    Scenario(
        alert="PrometheusConfigReloadFailed",
        feeds={f"prometheus_config_last_reload_successful{{{SERVER}}}": shows(1, 0, 1)},
        fires=15,
        heals=30,
        resolves=30,
        labels=INSTANCE,
        description="prometheus-1:9090 could not load its configuration.",
        quiet=({f"prometheus_config_last_reload_successful{{{SERVER}}}": shows(1)},),
    ),
    Scenario(
        alert="PrometheusRuleFailures",
        feeds={f'prometheus_rule_evaluation_failures_total{{{SERVER},rule_group="http"}}': grows(0, 4, 0)},
        fires=15,
        heals=30,
        resolves=34,
        labels={**INSTANCE, "rule_group": "http"},
        description="20 evaluations of http failed.",
        quiet=({f'prometheus_rule_evaluation_failures_total{{{SERVER},rule_group="http"}}': grows(0)},),
    ),
    Scenario(
        alert="PrometheusNotificationsFailing",
        feeds={ERRORS: grows(0, 1, 0), SENT: grows(20, 20, 20)},
        fires=16,
        heals=30,
        resolves=33,
        labels={**INSTANCE, "alertmanager": "http://alertmanager:9093"},
        description="5% of the alerts to http://alertmanager:9093 fail (limit 1%).",
        quiet=({ERRORS: grows(0.95), SENT: grows(100)},),
    ),
    Scenario(
        alert="PrometheusNotConnected",
        feeds={f"prometheus_notifications_alertmanagers_discovered{{{SERVER}}}": shows(1, 0, 1)},
        fires=15,
        heals=30,
        resolves=30,
        labels=INSTANCE,
        description="prometheus-1:9090 has nobody to send alerts to.",
        quiet=({f"prometheus_notifications_alertmanagers_discovered{{{SERVER}}}": shows(1)},),
    ),
    Scenario(
        alert="PrometheusWalCorruption",
        feeds={f"prometheus_tsdb_wal_corruptions_total{{{SERVER}}}": grows(0, 1, 0)},
        fires=10,
        heals=12,
        resolves=71,
        labels=INSTANCE,
        description="prometheus-1:9090 found 2 damaged places.",
        quiet=({f"prometheus_tsdb_wal_corruptions_total{{{SERVER}}}": grows(0)},),
    ),
    Scenario(
        alert="AlertmanagerConfigReloadFailed",
        feeds={f"alertmanager_config_last_reload_successful{{{MANAGER}}}": shows(1, 0, 1)},
        fires=15,
        heals=30,
        resolves=30,
        labels=MANAGERS,
        description="alertmanager-1:9093 could not load its configuration.",
        quiet=({f"alertmanager_config_last_reload_successful{{{MANAGER}}}": shows(1)},),
    ),
    Scenario(
        alert="AlertmanagerNotificationsFailing",
        feeds={FAILED: grows(0, 1, 0), NOTIFIED: grows(4, 4, 4)},
        fires=15,
        heals=30,
        resolves=34,
        labels={**MANAGERS, "integration": "slack"},
        description="25% of the messages by slack fail (limit 1%).",
        quiet=({FAILED: grows(0.95), NOTIFIED: grows(100)},),
    ),
    Scenario(
        alert="AlertmanagerClusterDown",
        feeds={
            f"up{{{MANAGER}}}": shows(1, 1, 1),
            f"up{{{SECOND}}}": shows(1, 1, 1),
            f"{MEMBERS}{{{MANAGER}}}": shows(2, 1, 2),
            f"{MEMBERS}{{{SECOND}}}": shows(2, 2, 2),
        },
        fires=20,
        heals=30,
        resolves=30,
        description="Alertmanagers missing from the cluster: 1.",
        quiet=({f"up{{{MANAGER}}}": shows(1), f"{MEMBERS}{{{MANAGER}}}": shows(1)},),
    ),
    Scenario(
        alert="AlertmanagerConfigInconsistent",
        feeds={f"{HASH}{{{MANAGER}}}": shows(1234, 1234, 1234), f"{HASH}{{{SECOND}}}": shows(1234, 5678, 1234)},
        fires=30,
        heals=40,
        resolves=40,
        description="2 configurations are in use.",
        quiet=({f"{HASH}{{{MANAGER}}}": shows(1234), f"{HASH}{{{SECOND}}}": shows(1234)},),
    ),
]
