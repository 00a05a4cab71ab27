"""Every write to the outbox."""

from events.services.dead_letters import purge_events, purge_messages, replay_events, replay_messages
from events.services.execution import deliver_alone, drain, single_out, work_off
from events.services.leases import claim, defer, fail, finish, release, renew, retake
from events.services.publishing import enqueue, publish, publish_many
from events.services.retention import remove_old_rows

__all__ = [
    "claim",
    "defer",
    "deliver_alone",
    "drain",
    "enqueue",
    "fail",
    "finish",
    "publish",
    "publish_many",
    "purge_events",
    "purge_messages",
    "release",
    "remove_old_rows",
    "renew",
    "replay_events",
    "replay_messages",
    "retake",
    "single_out",
    "work_off",
]
