"""Pods, containers and rollouts."""

from monitoring.catalogue.scenarios.scenario import Scenario, grows, shows

POD = 'namespace="shop",pod="web-5c9"'
CONTAINER = f'{POD},container="web"'
LABELS = {"namespace": "shop", "pod": "web-5c9"}
CPU = f'container_cpu_usage_seconds_total{{job="cadvisor",{CONTAINER}}}'
QUOTA = f'container_spec_cpu_quota{{job="cadvisor",{CONTAINER}}}'
PERIOD = f'container_spec_cpu_period{{job="cadvisor",{CONTAINER}}}'
MEMORY = f'container_memory_working_set_bytes{{job="cadvisor",{CONTAINER}}}'
LIMIT = f'container_spec_memory_limit_bytes{{job="cadvisor",{CONTAINER}}}'
ROLLOUT = 'namespace="shop",deployment="web",condition="Progressing"'


def phase(name: str) -> str:
    return f'kube_pod_status_phase{{job="kube-state-metrics",{POD},phase="{name}"}}'


def waiting(reason: str) -> str:
    return f'kube_pod_container_status_waiting_reason{{job="kube-state-metrics",{CONTAINER},reason="{reason}"}}'


def progressing(status: str) -> str:
    return f'kube_deployment_status_condition{{job="kube-state-metrics",{ROLLOUT},status="{status}"}}'


SCENARIOS = [
    Scenario(
        alert="PodDown",
        feeds={phase("Running"): shows(1, 0, 1), phase("Pending"): shows(0, 1, 0)},
        fires=15,
        heals=30,
        resolves=30,
        labels=LABELS,
        description="shop/web-5c9 has not been running for 5 minutes.",
        quiet=({phase("Running"): shows(1), phase("Pending"): shows(0), waiting("ContainerCreating"): shows(1)},),
    ),
    Scenario(
        alert="PodDown",
        feeds={phase("Running"): shows(1, 1, 1), waiting("CrashLoopBackOff"): shows(None, 1, None)},
        fires=15,
        heals=30,
        resolves=35,
        labels=LABELS,
        description="shop/web-5c9 has not been running for 5 minutes.",
    ),
    Scenario(
        alert="DeploymentRolloutStuck",
        feeds={progressing("true"): shows(1, 0, 1), progressing("false"): shows(0, 1, 0)},
        fires=25,
        heals=40,
        resolves=40,
        labels={"namespace": "shop", "deployment": "web"},
        description="The rollout of shop/web has stopped.",
        quiet=({progressing("true"): shows(1), progressing("false"): shows(0)},),
    ),
    Scenario(
        alert="HighCPUUsage",
        scope="container",
        feeds={CPU: grows(6, 27, 6), QUOTA: shows(5e4, 5e4, 5e4), PERIOD: shows(1e5, 1e5, 1e5)},
        fires=24,
        heals=40,
        resolves=40,
        labels={**LABELS, "container": "web"},
        description="web-5c9 uses 90% of its CPU (limit 80%).",
        quiet=(
            {CPU: grows(23.7), QUOTA: shows(5e4), PERIOD: shows(1e5)},
            {CPU: grows(600)},  # no limit, nothing to be at
        ),
    ),
    Scenario(
        alert="HighMemoryUsage",
        scope="container",
        feeds={MEMORY: shows(2e8, 9e8, 2e8), LIMIT: shows(1e9, 1e9, 1e9)},
        fires=20,
        heals=30,
        resolves=30,
        labels={**LABELS, "container": "web"},
        description="web-5c9 uses 90% of its memory (limit 85%).",
        quiet=({MEMORY: shows(8.5e8), LIMIT: shows(1e9)}, {MEMORY: shows(9e8), LIMIT: shows(0)}),
    ),
]
