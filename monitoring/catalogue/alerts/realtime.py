"""Events on their way into browsers."""

from monitoring.catalogue.alerts.alert import APP, Alert
from monitoring.catalogue.links import Dashboard


def p99(histogram: str) -> str:
    """The time within which 99 of 100 were done."""
    return f"histogram_quantile(0.99, sum by (le) (rate({histogram}_bucket{{{APP}}}[5m])))"


REALTIME = (
    Alert(
        name="WebSocketDisconnectSpike",
        measure=f'sum(increase(websocket_disconnections_total{{{APP},reason!="normal"}}[5m]))',
        threshold=10,
        for_="1m",
        severity="warning",
        category="delivery",
        service="web",
        team="platform",
        summary="Many sockets break off",
        description='{{ $value | printf "%.0f" }} sockets broke off in the last 5 minutes (limit 10).',
        dashboard=Dashboard.REALTIME_IMPORTS,
        panel="Sockets Broken Off in 5 Minutes",
        seeds=("003",),
    ),
    Alert(
        name="RealtimeDeliverySlow",
        measure=p99("realtime_delivery_delay_seconds"),
        threshold=1,
        guard=f"sum(rate(realtime_delivery_delay_seconds_count{{{APP}}}[5m])) > 0.05",
        for_="5m",
        severity="warning",
        category="latency",
        service="relay",
        team="platform",
        summary="Events reach browsers late",
        description="99% of all events take up to {{ $value | humanizeDuration }} to the socket (limit 1s).",
        dashboard=Dashboard.REALTIME_IMPORTS,
        panel="Delivery Delay",
    ),
    Alert(
        name="RealtimeHubLagging",
        measure=f"max by (instance) (realtime_hub_lag_events{{{APP}}})",
        threshold=1000,
        for_="1m",
        severity="warning",
        category="delivery",
        service="web",
        team="platform",
        summary="A process falls behind the stream of events",
        description='{{ $labels.instance }} is {{ $value | printf "%.0f" }} events behind (limit 1000).',
        dashboard=Dashboard.REALTIME_IMPORTS,
        panel="Hub Lag",
    ),
    Alert(
        name="RealtimeGaps",
        measure=f"sum by (reason) (increase(realtime_gap_total{{{APP}}}[5m]))",
        threshold=0,
        severity="warning",
        category="integrity",
        service="web",
        team="platform",
        summary="Events were lost on their way into browsers",
        description='{{ $value | printf "%.0f" }} holes could not be repaired ({{ $labels.reason }}).',
        dashboard=Dashboard.REALTIME_IMPORTS,
        panel="Gaps",
    ),
    Alert(
        name="RealtimeEventLoopSlow",
        measure=p99("realtime_event_loop_lag_seconds"),
        threshold=0.1,
        for_="5m",
        severity="warning",
        category="latency",
        service="web",
        team="platform",
        summary="Something holds up the event loop",
        description="The event loop wakes up to {{ $value | humanizeDuration }} late (limit 100ms).",
        dashboard=Dashboard.REALTIME_IMPORTS,
        panel="Event Loop Lag",
    ),
)
