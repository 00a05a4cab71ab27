"""Gifts and vouchers, and the outbox that carries everything that follows from an order."""

from monitoring.catalogue.dashboards.colors import BAD, CALM, NOTICE, OUTCOMES, QUANTILES
from monitoring.catalogue.dashboards.panel import Bars, Board, Heat, Lines, Panel, Query, Row, Stat
from monitoring.catalogue.dashboards.promql import chosen, highest, increase, or_zero, quantile, rate, state, total
from monitoring.catalogue.links import Dashboard

CREATED, CLAIMED, EXPIRED = (chosen(f"gifts_{what}_total") for what in ("created", "claimed", "expired"))
DELAY = chosen("outbox_delivery_delay_seconds_bucket")

GIFTS = Row(
    title="Gifts",
    runbook="LowGiftCreation",
    panels=(
        Panel(
            title="Gift Creation Rate",
            text="Gifts given, a second, by how they are passed on.",
            queries=(Query(total(rate(CREATED), "mode"), "{{mode}}"),),
            unit="cps",
            view=Lines(stacked=True),
            seeds=("P7",),
        ),
        Panel(
            title="Gift Claim Rate",
            text="Gifts opened against gifts that nobody opened in time, a second.",
            queries=(Query(total(rate(CLAIMED)), "claimed"), Query(total(rate(EXPIRED)), "expired")),
            unit="cps",
            colors=OUTCOMES,
            seeds=("P12",),
        ),
        Panel(
            title="Gifts Created in the Last Hour",
            text="A working shop gives at least a few. At night few are normal.",
            queries=(Query(or_zero(total(increase(CREATED, "1h"))), "gifts", now=True),),
            unit="short",
            view=Stat(),
            window="1h",
            width=4,
            decimals=0,
        ),
        Panel(
            title="Gift Expiry Share",
            text="Gifts of the last 24 hours that expired, against those created.",
            queries=(
                Query(f"{total(increase(EXPIRED, '1d'))} / {total(increase(CREATED, '1d'))}", "expired", now=True),
            ),
            unit="percentunit",
            view=Stat(),
            window="1d",
            width=4,
        ),
        Panel(
            title="Gift Claims against the Day",
            text="The last hour's pace of opening gifts, as a share of the last 24 hours' pace.",
            queries=(Query(f"{total(rate(CLAIMED, '1h'))} / {total(rate(CLAIMED, '1d'))}", "pace"),),
            unit="percentunit",
            window="1h 1d",
        ),
        Panel(
            title="Claim Duration Heatmap",
            text="How long gifts lie unopened, from the moment they can be opened.",
            queries=(
                Query(total(increase(chosen("gift_claim_duration_seconds_bucket")), "le"), "{{le}}", shape="heatmap"),
            ),
            unit="short",
            view=Heat(axis="s"),
            seeds=("P13",),
        ),
        Panel(
            title="Gift Value Distribution",
            text="Gifts of the last 24 hours by what they are worth, in dollars: up to the number below each bar.",
            queries=(
                Query(
                    total(increase(chosen("gift_value_usd_bucket"), "24h"), "le"), "{{le}}", now=True, shape="heatmap"
                ),
            ),
            unit="short",
            view=Bars(),
            window="24h",
            decimals=0,
            seeds=("P14",),
        ),
    ),
)

VOUCHERS = Row(
    title="Vouchers",
    runbook="TicketGenerationFailures",
    panels=(
        Panel(
            title="Active Vouchers",
            text="Vouchers that can be used now or later.",
            queries=(Query(highest(state("tickets_active_total")), "vouchers"),),
            unit="short",
            width=6,
        ),
        Panel(
            title="Voucher Issuing Failures",
            text="Attempts to make a paid order's vouchers that failed, a second. Each is tried again.",
            queries=(Query(total(rate(chosen("ticket_generation_failures_total")), "reason"), "{{reason}}"),),
            unit="cps",
            view=Lines(stacked=True),
            width=9,
        ),
        Panel(
            title="Voucher Scans",
            text="Answers given to tills, a second.",
            queries=(Query(total(rate(chosen("voucher_scans_total")), "result"), "{{result}}"),),
            unit="cps",
            view=Lines(stacked=True),
            colors=OUTCOMES,
            width=9,
        ),
    ),
)

OUTBOX = Row(
    title="Outbox",
    runbook="OutboxQueueBacklog",
    panels=(
        Panel(
            title="Outbox Status",
            text="What waits and what is being worked on.",
            queries=(
                Query(highest(state("outbox_queued_total")), "queued"),
                Query(highest(state("outbox_in_flight_total")), "in flight"),
            ),
            unit="short",
            colors=OUTCOMES,
            seeds=("P9",),
        ),
        Panel(
            title="Outbox Processing Rate",
            text="Messages worked off, a second, by topic. It should follow what comes in.",
            queries=(Query(total(rate(chosen("outbox_processed_total")), "topic"), "{{topic}}"),),
            unit="mps",
            view=Lines(stacked=True),
            seeds=("P9",),
        ),
        Panel(
            title="Failed Messages",
            text="Tries that failed in the last 5 minutes, by reason. The red line is the alert's: any.",
            queries=(Query(total(increase(chosen("outbox_failed_total"), "5m"), "reason"), "{{reason}}"),),
            unit="short",
            window="5m",
            view=Lines(stacked=True),
            colors=OUTCOMES,
            decimals=0,
            seeds=("P10",),
        ),
        Panel(
            title="Oldest Pending Age",
            text="How long the oldest message has been due. Depth alone would hide one that is stuck.",
            queries=(Query(highest(state("outbox_oldest_pending_age_seconds")), "oldest"),),
            unit="s",
        ),
        Panel(
            title="Delivery Delay",
            text="From the moment a message is due until its handler is done with it.",
            queries=tuple(Query(quantile(share, DELAY), f"p{share * 100:.0f}") for share in (0.5, 0.95, 0.99)),
            unit="s",
            colors=QUANTILES,
        ),
        Panel(
            title="Processing Time by Topic (p95)",
            text="95 of 100 messages keep their handler busy for less than this.",
            queries=(Query(quantile(0.95, chosen("outbox_processing_duration_seconds_bucket"), "topic"), "{{topic}}"),),
            unit="s",
        ),
        Panel(
            title="Retry Distribution",
            text=(
                "Messages that ended in the last hour, by how often they had failed before: at most the "
                "number below each bar."
            ),
            queries=(
                Query(
                    total(increase(chosen("outbox_retry_count_bucket"), "1h"), "le"),
                    "{{le}}",
                    now=True,
                    shape="heatmap",
                ),
            ),
            unit="short",
            view=Bars(),
            window="1h",
            width=10,
            decimals=0,
            seeds=("P11",),
        ),
        Panel(
            title="Dead Letters",
            text="Messages that were given up. They wait for an operator, who redrives or drops them.",
            queries=(Query(highest(state("outbox_dead_messages")), "dead", now=True),),
            unit="short",
            view=Stat(),
            width=4,
        ),
        Panel(
            title="Webhooks Sent",
            text="Tries to tell others' endpoints what happened, a second, and how they went.",
            queries=(Query(total(rate(chosen("webhook_deliveries_total")), "result"), "{{result}}"),),
            unit="cps",
            view=Lines(stacked=True),
            colors=(*OUTCOMES, ("retried", NOTICE), ("gone", BAD)),
            width=10,
        ),
    ),
)

SHARES = Row(
    title="Webhooks that wait",
    runbook="OutboxOldestPendingOld",
    folded=True,
    panels=(
        Panel(
            title="Webhook Deliveries by State",
            text="Webhooks that wait, are under way, or were given up.",
            queries=(Query(total(state("webhook_deliveries"), "state"), "{{state}}"),),
            unit="short",
            colors=(*OUTCOMES, ("sending", "yellow")),
            width=16,
        ),
        Panel(
            title="Endpoints that Fail",
            text="Endpoints of others whose last delivery failed.",
            queries=(Query(highest(state("webhook_endpoints_failing")), "failing", now=True),),
            unit="short",
            view=Stat(),
            colors=(("failing", CALM),),
            width=8,
        ),
    ),
)

GIFTS_OUTBOX = Board(
    uid=Dashboard.GIFTS_OUTBOX,
    title="Gifts, vouchers and outbox",
    text="What is given away and redeemed, and the messages that carry everything that follows from an order.",
    rows=(GIFTS, VOUCHERS, OUTBOX, SHARES),
    since="now-3h",
)
