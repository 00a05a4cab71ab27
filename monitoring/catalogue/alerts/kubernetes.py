"""Pods and deployments, where the site runs in Kubernetes; silent elsewhere."""

from monitoring.catalogue.alerts.alert import Alert
from monitoring.catalogue.links import Dashboard

CONTAINER = "namespace, pod, container"
WAITING = "CrashLoopBackOff|ImagePullBackOff|ErrImagePull"

KUBERNETES = (
    Alert(
        name="PodDown",
        measure='max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Unknown|Failed"})',
        op="==",
        threshold=1,
        # A pod that crashes again and again is in phase Running.
        also=(f'max by (namespace, pod) (kube_pod_container_status_waiting_reason{{reason=~"{WAITING}"}}) == 1',),
        for_="5m",
        severity="critical",
        category="availability",
        service="kubernetes",
        team="platform",
        summary="A pod does not run",
        description="{{ $labels.namespace }}/{{ $labels.pod }} has not been running for 5 minutes.",
        dashboard=Dashboard.INFRASTRUCTURE,
        panel="Pods Not Running",
        seeds=("004",),
    ),
    Alert(
        name="DeploymentRolloutStuck",
        measure=(
            'max by (namespace, deployment) (kube_deployment_status_condition{condition="Progressing",status="false"})'
        ),
        op="==",
        threshold=1,
        for_="15m",
        severity="critical",
        category="deployment",
        service="kubernetes",
        team="platform",
        summary="A rollout does not get on",
        description="The rollout of {{ $labels.namespace }}/{{ $labels.deployment }} has stopped.",
        dashboard=Dashboard.INFRASTRUCTURE,
        panel="Rollouts Stuck",
        seeds=("004",),
    ),
    Alert(
        name="HighCPUUsage",
        measure=(
            f'sum by ({CONTAINER}) (rate(container_cpu_usage_seconds_total{{container!=""}}[5m]))'
            f' / sum by ({CONTAINER}) (container_spec_cpu_quota{{container!=""}}'
            ' / container_spec_cpu_period{container!=""})'
        ),
        threshold=0.8,
        for_="10m",
        severity="warning",
        category="capacity",
        service="kubernetes",
        team="platform",
        scope="container",
        summary="A container is at its CPU limit",
        description="{{ $labels.pod }} uses {{ $value | humanizePercentage }} of its CPU (limit 80%).",
        dashboard=Dashboard.INFRASTRUCTURE,
        panel="Pod CPU Usage",
        seeds=("004",),
    ),
    Alert(
        name="HighMemoryUsage",
        measure=(
            f'max by ({CONTAINER}) (container_memory_working_set_bytes{{container!=""}})'
            f' / max by ({CONTAINER}) (container_spec_memory_limit_bytes{{container!=""}} > 0)'
        ),
        threshold=0.85,
        for_="10m",
        severity="warning",
        category="capacity",
        service="kubernetes",
        team="platform",
        scope="container",
        summary="A container is at its memory limit",
        description="{{ $labels.pod }} uses {{ $value | humanizePercentage }} of its memory (limit 85%).",
        dashboard=Dashboard.INFRASTRUCTURE,
        panel="Pod Memory Usage",
        seeds=("004",),
    ),
)
