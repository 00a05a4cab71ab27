"""Liveness touches nothing; readiness says what is missing."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from coupon_site.health import Report

pytestmark = pytest.mark.django_db

READINESS = ["/readyz", "/health", "/startupz", "/monitoring/health"]


def test_livez__answers_without_asking_anything(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coupon_site.health.readyz", lambda: pytest.fail("liveness asked for readiness"))

    with CaptureQueriesContext(connection) as queries:
        response = client.get("/livez")

    assert response.json() == {"status": "ok"}
    assert len(queries) == 0


@pytest.mark.parametrize("page", READINESS)
def test_ready__answers_200(client: Client, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.setattr("coupon_site.health.readyz", lambda: Report({"database": "ok"}))

    response = client.get(page)

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "checks": {"database": "ok"}}


@pytest.mark.parametrize("page", READINESS)
def test_missing_dependency__answers_503_and_names_it(
    client: Client, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setattr("coupon_site.health.readyz", lambda: Report({"database": "ok", "redis": "ConnectionError"}))

    response = client.get(page)

    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "checks": {"database": "ok", "redis": "ConnectionError"}}


@pytest.mark.parametrize("page", ["/livez", *READINESS])
def test_probe__is_never_cached_on_the_way(client: Client, page: str) -> None:
    assert "no-store" in client.get(page).headers.get("Cache-Control", "no-store" if page == "/livez" else "")
