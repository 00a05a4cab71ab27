"""Errors in the log are a series."""

import logging

import pytest
from prometheus_client import REGISTRY

from monitoring.logs import ErrorCounter


@pytest.mark.parametrize(("level", "label"), [(logging.ERROR, "error"), (logging.CRITICAL, "critical")])
def test_logged_error__is_counted_by_its_level(level: int, label: str) -> None:
    logger = logging.getLogger(f"monitoring.test.{label}")
    logger.addHandler(ErrorCounter(level=logging.ERROR))
    before = REGISTRY.get_sample_value("sentry_errors_total", {"level": label}) or 0

    logger.log(level, "something broke")
    logger.warning("this is no error")

    assert REGISTRY.get_sample_value("sentry_errors_total", {"level": label}) == before + 1
