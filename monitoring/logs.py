"""Counts what is logged as an error, so that an alert can ask for it without a service outside."""

import logging

from monitoring.metrics import sentry_errors_total


class ErrorCounter(logging.Handler):
    """A logging handler that keeps nothing but the number."""

    def emit(self, record: logging.LogRecord) -> None:
        sentry_errors_total.labels("critical" if record.levelno >= logging.CRITICAL else "error").inc()
