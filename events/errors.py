"""What handlers and processes of this app say to each other, and what webhooks are refused for."""

from datetime import timedelta

from coupon_site.errors import DomainError


class Defer(Exception):
    """Raised by a handler that wants to be called again later, without an attempt being counted."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason or f"deferred for {seconds} s")
        self.delay = timedelta(seconds=seconds)


class UnknownHandler(LookupError):
    """A message names a handler that this process does not have."""


class LeaseLost(Exception):
    """Another worker has claimed the message since; whatever this one did for it must not be kept."""


class LeadershipLost(Exception):
    """The session that held the advisory lock is gone."""


class AddressRefused(DomainError):
    status = 422
    code = "webhook_address_refused"
    title = "Nothing may be sent to this address"


class TopicsUnknown(DomainError):
    status = 422
    code = "webhook_topics_unknown"
    title = "There are no such events"


class EndpointDisabled(DomainError):
    code = "webhook_endpoint_disabled"
    title = "The endpoint is disabled: enable it first"


class TicketsUnavailable(DomainError):
    status = 503
    code = "unavailable"
    title = "Tickets can't be given right now: come back in a few seconds"
