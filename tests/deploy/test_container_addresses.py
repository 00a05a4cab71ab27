"""Prometheus and the container's health check ask by address, not by the site's public name, and without TLS."""

import pytest
from django.test import Client
from pytest_django import Settings

BY_ADDRESS = "172.20.0.7:8000"


@pytest.fixture
def public_site(settings: Settings) -> None:
    """Hosts and TLS as a deployed site has them."""
    settings.ALLOWED_HOSTS = ["shop.example.com", "backend"]
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_asked_by_address__answers(public_site: None, path: str) -> None:
    assert Client(headers={"host": BY_ADDRESS}).get(path).status_code == 200


@pytest.mark.django_db
def test_metrics_asked_by_address_with_the_token__answer(public_site: None, settings: Settings) -> None:
    answer = Client(headers={"host": BY_ADDRESS}).get(
        "/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"}
    )

    assert answer.status_code == 200
    assert b"http_requests_total" in answer.content


@pytest.mark.django_db
def test_pages_asked_by_address__are_refused(public_site: None) -> None:
    """The control: the public name still matters everywhere else."""
    assert Client(headers={"host": BY_ADDRESS, "X-Forwarded-Proto": "https"}).get("/", secure=True).status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/sandbox/charges", "/hooks/payments/sandbox"])
def test_sandbox_bank_and_site__find_each_other_inside_without_tls(public_site: None, path: str) -> None:
    answer = Client(headers={"host": "backend:8000"}).post(path, b"{}", content_type="application/json")

    assert answer.status_code in {400, 401, 403}  # refused for what it says, not sent elsewhere
