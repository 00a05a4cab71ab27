"""Error budgets that burn: fast enough to wake somebody, or slowly enough for a ticket."""

from monitoring.catalogue.alerts.alert import Alert
from monitoring.catalogue.links import Dashboard

# Below this the last hour says little; the probes from outside stand in.
TRAFFIC = "slo:valid_events:1h > 50"

OBJECTIVES = (
    Alert(
        name="SloBurnRatePage",
        measure="slo:burn_rate:1h",
        threshold=14.4,
        guard=f"slo:burn_rate:5m > 14.4 and {TRAFFIC}",
        also=(f"slo:burn_rate:6h > 6 and slo:burn_rate:30m > 6 and {TRAFFIC}",),
        for_="2m",
        severity="critical",
        category="slo",
        service="{{ $labels.service }}",
        team="shop",
        summary="An error budget burns fast",
        description='The budget of {{ $labels.slo }} burns {{ $value | printf "%.1f" }} times as fast as it may.',
        dashboard=Dashboard.SLO,
        panel="Burn Rate",
    ),
    Alert(
        name="SloBurnRateTicket",
        measure="slo:burn_rate:1d",
        threshold=3,
        guard=f"slo:burn_rate:2h > 3 and {TRAFFIC}",
        also=(f"slo:burn_rate:3d > 1 and slo:burn_rate:6h > 1 and {TRAFFIC}",),
        for_="15m",
        severity="warning",
        category="slo",
        service="{{ $labels.service }}",
        team="shop",
        summary="An error budget burns steadily",
        description='The budget of {{ $labels.slo }} burns {{ $value | printf "%.1f" }} times as fast as it may.',
        dashboard=Dashboard.SLO,
        panel="Burn Rate",
    ),
    Alert(
        name="SloBudgetExhausted",
        measure="slo:error_budget_remaining:ratio30d",
        op="<=",
        threshold=0,
        for_="1h",
        severity="info",
        category="slo",
        service="{{ $labels.service }}",
        team="shop",
        summary="An error budget is spent",
        description="{{ $labels.slo }} has {{ $value | humanizePercentage }} of its budget of 30 days left.",
        dashboard=Dashboard.SLO,
        panel="Error Budget",
    ),
)
