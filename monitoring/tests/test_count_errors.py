"""Errors in the log are a series."""

import logging

import pytest
from django.test import Client
from prometheus_client import REGISTRY


@pytest.mark.parametrize(("level", "label"), [(logging.ERROR, "error"), (logging.CRITICAL, "critical")])
def test_logged_error__is_counted_by_its_level(level: int, label: str) -> None:
    logger = logging.getLogger("monitoring.test")
    before = REGISTRY.get_sample_value("sentry_errors_total", {"level": label}) or 0

    logger.log(level, "something broke")
    logger.warning("this is no error")

    assert REGISTRY.get_sample_value("sentry_errors_total", {"level": label}) == before + 1


def test_defect_in_a_view__is_counted_as_the_settings_have_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("coupon_site.health.readyz", explode)
    client.raise_request_exception = False
    before = REGISTRY.get_sample_value("sentry_errors_total", {"level": "error"}) or 0

    response = client.get("/readyz")

    assert response.status_code == 500
    assert REGISTRY.get_sample_value("sentry_errors_total", {"level": "error"}) == before + 1
