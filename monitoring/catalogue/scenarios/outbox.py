"""Messages that fail, wait or are given up."""

from monitoring.catalogue.scenarios.scenario import Scenario, grows, shows

FAILED = 'outbox_failed_total{job="app-worker",topic="orders",reason="error"}'
QUEUED = 'outbox_queued_total{job="app-state"}'
OLDEST = 'outbox_oldest_pending_age_seconds{job="app-state"}'
DEAD = 'outbox_dead_messages{job="app-state"}'

SCENARIOS = [
    Scenario(
        alert="OutboxFailedMessages",
        feeds={FAILED: grows(0, 2, 0)},
        fires=15,
        heals=30,
        resolves=34,
        description="10 tries failed in the last 5 minutes.",
        quiet=({FAILED: grows(0)},),
    ),
    Scenario(
        alert="OutboxQueueBacklog",
        feeds={QUEUED: shows(10, 1500, 10)},
        fires=15,
        heals=30,
        resolves=30,
        description="1500 messages wait (limit 1000).",
        quiet=({QUEUED: shows(1000)},),
    ),
    Scenario(
        alert="OutboxOldestPendingOld",
        scope="slow",
        feeds={OLDEST: shows(0.2, 42, 0.2)},
        fires=15,
        heals=30,
        resolves=30,
        description="The oldest message has been due for 42s (limit 5s).",
        quiet=({OLDEST: shows(5)},),
    ),
    Scenario(
        alert="OutboxOldestPendingOld",
        scope="stuck",
        feeds={OLDEST: shows(0.2, 420, 0.2)},
        fires=11,
        heals=14,  # before the lesser alert of the same name fires as well
        resolves=14,
        description="The oldest message has been due for 7m 0s (limit 5m).",
        quiet=({OLDEST: shows(0.2, 299)},),
    ),
    Scenario(
        alert="OutboxDeadLetters",
        feeds={DEAD: shows(0, 1, 0)},
        fires=10,
        heals=30,
        resolves=30,
        description="Dead messages: 1.",
        quiet=({DEAD: shows(0)},),
    ),
]
