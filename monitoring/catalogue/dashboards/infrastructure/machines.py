"""Machines and the processes on them."""

from monitoring.catalogue.dashboards.colors import JOBS
from monitoring.catalogue.dashboards.panel import Panel, Query, Row, Stat
from monitoring.catalogue.dashboards.promql import (
    chosen,
    highest,
    lowest,
    rate,
    total,
)

IDLE = chosen("node_cpu_seconds_total", 'mode="idle"')
DISKS = 'fstype!~"tmpfs|overlay|squashfs"'
CARDS = 'device!~"lo|veth.*|docker.*|br-.*"'

MACHINES = Row(
    title="Machines",
    runbook="HighCPUUsage",
    panels=(
        Panel(
            title="CPU Usage %",
            text="The share of a machine's time in which its processors work.",
            queries=(Query(f"1 - avg by (instance) ({rate(IDLE)})", "{{instance}}"),),
            unit="percentunit",
            maximum=1,
            seeds=("P16", "P25"),
        ),
        Panel(
            title="Memory Usage %",
            text="The share of a machine's memory that is not available to a new process.",
            queries=(
                Query(
                    f"1 - {chosen('node_memory_MemAvailable_bytes')} / {chosen('node_memory_MemTotal_bytes')}",
                    "{{instance}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
            seeds=("P16", "P26"),
        ),
        Panel(
            title="Load per Processor",
            text="Work that waits or runs, for each processor. Above 1 it queues.",
            queries=(
                Query(
                    f"{total(chosen('node_load1'), 'instance')} / count by (instance) ({IDLE})",
                    "{{instance}}",
                ),
            ),
            unit="short",
        ),
        Panel(
            title="Disk Space",
            text="What is left of each disk.",
            queries=(
                Query(
                    lowest(
                        f"{chosen('node_filesystem_avail_bytes', DISKS)}"
                        f" / {chosen('node_filesystem_size_bytes', DISKS)}",
                        "instance",
                        "mountpoint",
                    ),
                    "{{instance}} {{mountpoint}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
        ),
        Panel(
            title="Disk Busy",
            text="The share of time in which a disk has something to do.",
            queries=(Query(rate(chosen("node_disk_io_time_seconds_total")), "{{instance}} {{device}}"),),
            unit="percentunit",
            maximum=1,
        ),
        Panel(
            title="Network",
            text="Bytes a second, received above and sent below the line.",
            queries=(
                Query(
                    total(rate(chosen("node_network_receive_bytes_total", CARDS)), "instance"), "{{instance}} received"
                ),
                Query(
                    f"-{total(rate(chosen('node_network_transmit_bytes_total', CARDS)), 'instance')}",
                    "{{instance}} sent",
                ),
            ),
            unit="Bps",
        ),
    ),
)


PROCESSES = Row(
    title="Processes",
    runbook="ServiceDown",
    panels=(
        Panel(
            title="Uptime",
            text="Since the youngest process of a kind was started. Short without a release: something restarts.",
            queries=(Query(f"time() - {highest(chosen('process_start_time_seconds'), 'job')}", "{{job}}", now=True),),
            unit="dtdurations",
            view=Stat(trend=False),
            width=24,
            height=5,
            seeds=("P16",),
        ),
        Panel(
            title="CPU by Process",
            text="Processors used, by kind of process. A Python process cannot use more than one.",
            queries=(Query(total(rate(chosen("process_cpu_seconds_total")), "job"), "{{job}}"),),
            unit="short",
            colors=JOBS,
        ),
        Panel(
            title="Memory by Process",
            text="Resident memory, by kind of process. A slope that never falls is a leak.",
            queries=(Query(total(chosen("process_resident_memory_bytes"), "job"), "{{job}}"),),
            unit="bytes",
            colors=JOBS,
        ),
        Panel(
            title="Open Files",
            text="Files and sockets of the process that has most of them open, of those that it may open.",
            queries=(Query(highest(f"{chosen('process_open_fds')} / {chosen('process_max_fds')}", "job"), "{{job}}"),),
            unit="percentunit",
            colors=JOBS,
        ),
    ),
)
