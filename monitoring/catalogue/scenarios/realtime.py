"""Sockets that break off and events that come late."""

from monitoring.catalogue.scenarios.scenario import Scenario, Values, grows, shows

SLOW = 'websocket_disconnections_total{job="app-web",endpoint="realtime",reason="slow_consumer"}'
NORMAL = 'websocket_disconnections_total{job="app-web",endpoint="realtime",reason="normal"}'
LAG = 'realtime_hub_lag_events{job="app-web",instance="web-1:9101"}'
GAPS = 'realtime_gap_total{job="app-web",reason="trimmed"}'


def delays(histogram: str, bounds: tuple[str, str, str], *a_minute: tuple[float, float, float]) -> dict[str, Values]:
    """A histogram by three bounds, and its count."""
    phases = list(zip(*a_minute, strict=True))
    buckets = {
        f'{histogram}_bucket{{job="app-web",le="{bound}"}}': grows(*phase)
        for bound, phase in zip(bounds, phases, strict=True)
    }
    return buckets | {f'{histogram}_count{{job="app-web"}}': grows(*phases[-1])}


DELIVERY = "realtime_delivery_delay_seconds"
LOOP = "realtime_event_loop_lag_seconds"

SCENARIOS = [
    Scenario(
        alert="WebSocketDisconnectSpike",
        feeds={SLOW: grows(0, 4, 0), NORMAL: grows(50, 50, 50)},
        fires=13,
        heals=30,
        resolves=32,
        description="20 sockets broke off in the last 5 minutes (limit 10).",
        quiet=({SLOW: grows(2), NORMAL: grows(50)},),
    ),
    Scenario(
        alert="RealtimeDeliverySlow",
        feeds=delays(DELIVERY, ("1.0", "2.5", "+Inf"), (60, 60, 60), (0, 60, 60), (60, 60, 60)),
        fires=15,
        heals=30,
        resolves=34,
        description="99% of all events take up to 2.485s to the socket (limit 1s).",
        quiet=(
            delays(DELIVERY, ("1.0", "2.5", "+Inf"), (995, 1000, 1000)),
            delays(DELIVERY, ("1.0", "2.5", "+Inf"), (0, 2, 2)),
        ),
    ),
    Scenario(
        alert="RealtimeHubLagging",
        feeds={LAG: shows(0, 2500, 0)},
        fires=11,
        heals=30,
        resolves=30,
        labels={"instance": "web-1:9101"},
        description="web-1:9101 is 2500 events behind (limit 1000).",
        quiet=({LAG: shows(1000)},),
    ),
    Scenario(
        alert="RealtimeGaps",
        feeds={GAPS: grows(0, 1, 0)},
        fires=10,
        heals=30,
        resolves=34,
        labels={"reason": "trimmed"},
        description="5 holes could not be repaired (trimmed).",
        quiet=({GAPS: grows(0)},),
    ),
    Scenario(
        alert="RealtimeEventLoopSlow",
        feeds=delays(LOOP, ("0.1", "0.25", "+Inf"), (60, 60, 60), (0, 60, 60), (60, 60, 60)),
        fires=15,
        heals=30,
        resolves=34,
        description="The event loop wakes up to 248.5ms late (limit 100ms).",
        quiet=(delays(LOOP, ("0.1", "0.25", "+Inf"), (995, 1000, 1000)),),
    ),
]
