"""What stands in front of the site, and what it may stand in."""

from monitoring.catalogue.dashboards.panel import Panel, Query, Row
from monitoring.catalogue.dashboards.promql import (
    everywhere,
    highest,
    lowest,
    of,
    rate,
    total,
)

RUNNING = 'container!=""'
POD, CONTAINER = ("namespace", "pod"), ("namespace", "pod", "container")
WAITING = 'reason=~"CrashLoopBackOff|ImagePullBackOff|ErrImagePull"'

EDGE = Row(
    title="Edge",
    runbook="TlsExpirySoon",
    panels=(
        Panel(
            title="nginx Requests",
            text="Requests that reach nginx, a second: also those that never get to the site.",
            queries=(Query(total(rate(of("nginx", "nginx_http_requests_total")), "instance"), "{{instance}}"),),
            unit="reqps",
        ),
        Panel(
            title="nginx Connections",
            text="Connections of visitors, sockets among them.",
            queries=(
                Query(total(of("nginx", "nginx_connections_active")), "active"),
                Query(total(of("nginx", "nginx_connections_waiting")), "idle"),
            ),
            unit="short",
        ),
        Panel(
            title="Certificate Validity",
            text="Until a certificate that visitors see runs out.",
            queries=(
                Query(
                    f"{lowest(of('blackbox', 'probe_ssl_earliest_cert_expiry'), 'instance')} - time()", "{{instance}}"
                ),
            ),
            unit="dtdurations",
        ),
    ),
)


PODS = Row(
    title="Kubernetes",
    runbook="PodDown",
    folded=True,
    panels=(
        Panel(
            title="Pods Not Running",
            text="Pods that wait, are unknown, have failed, or crash again and again.",
            queries=(
                Query(
                    highest(everywhere("kube_pod_status_phase", 'phase=~"Pending|Unknown|Failed"') + " == 1", *POD),
                    "{{namespace}}/{{pod}}",
                ),
                Query(
                    highest(everywhere("kube_pod_container_status_waiting_reason", WAITING) + " == 1", *POD),
                    "{{namespace}}/{{pod}} waits",
                ),
            ),
            unit="short",
            width=12,
            quiet="cluster",
            empty="Every pod runs",
        ),
        Panel(
            title="Rollouts Stuck",
            text="Deployments that do not get on with their rollout.",
            queries=(
                Query(
                    highest(
                        everywhere("kube_deployment_status_condition", 'condition="Progressing"', 'status="false"')
                        + " == 1",
                        "namespace",
                        "deployment",
                    ),
                    "{{namespace}}/{{deployment}}",
                ),
            ),
            unit="short",
            width=12,
            quiet="cluster",
            empty="No rollout is stuck",
        ),
        Panel(
            title="Pod CPU Usage",
            text="The share of its CPU limit that each container uses.",
            queries=(
                Query(
                    f"{total(rate(everywhere('container_cpu_usage_seconds_total', RUNNING)), *CONTAINER)} / "
                    + total(
                        f"{everywhere('container_spec_cpu_quota', RUNNING)}"
                        f" / {everywhere('container_spec_cpu_period', RUNNING)}",
                        *CONTAINER,
                    ),
                    "{{pod}} {{container}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
            width=12,
            quiet="cluster",
            empty="Not in a cluster",
            seeds=("P29",),
        ),
        Panel(
            title="Pod Memory Usage",
            text="The share of its memory limit that each container uses. At 100 % it is killed.",
            queries=(
                Query(
                    f"{highest(everywhere('container_memory_working_set_bytes', RUNNING), *CONTAINER)} / "
                    + highest(everywhere("container_spec_memory_limit_bytes", RUNNING) + " > 0", *CONTAINER),
                    "{{pod}} {{container}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
            width=12,
            quiet="cluster",
            empty="Not in a cluster",
            seeds=("P30",),
        ),
    ),
)
