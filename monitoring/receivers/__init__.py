"""Stand-ins on this machine for where alerts go: Slack, Discord, mail, plain webhooks. They keep what comes."""

from monitoring.receivers.notices import Notice
from monitoring.receivers.running import Receivers, running

__all__ = ["Notice", "Receivers", "running"]
