"""Who reads the metrics, and in which words."""

import pytest
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db

TOKEN = "a token for scrapers"
PAGES = ["/metrics", "/monitoring/metrics", "/monitoring/benchmark"]


@pytest.fixture(autouse=True)
def _token(settings) -> None:
    settings.METRICS_TOKEN = TOKEN


def bearer(token: str = TOKEN, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **headers}


@pytest.mark.parametrize("page", PAGES)
def test_anonymous__is_asked_for_a_token(client: Client, page: str) -> None:
    response = client.get(page)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Bearer", TOKEN, f"Basic {TOKEN}", "Bearer é"])
def test_wrong_token__is_refused(client: Client, page: str, header: str) -> None:
    assert client.get(page, headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize("page", PAGES)
def test_empty_token_in_the_settings__admits_nobody(client: Client, settings, page: str) -> None:
    settings.METRICS_TOKEN = ""

    assert client.get(page, headers={"Authorization": "Bearer "}).status_code == 401


@pytest.mark.parametrize("page", PAGES)
def test_customer__is_refused(client: Client, user: User, page: str) -> None:
    client.force_login(user)

    assert client.get(page).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_staff_and_token__read(client: Client, operator: User, page: str) -> None:
    by_token = client.get(page, headers=bearer())
    client.force_login(operator)

    assert by_token.status_code == 200
    assert client.get(page).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_other_methods__are_not_allowed(client: Client, page: str) -> None:
    assert client.post(page, headers=bearer()).status_code == 405


@pytest.mark.parametrize("page", ["/metrics", "/monitoring/metrics"])
@pytest.mark.parametrize(
    ("accept", "content_type", "end"),
    [
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4",
            "application/openmetrics-text",
            "\n# EOF\n",
        ),
        ("text/plain;version=0.0.4;q=0.3,*/*;q=0.2", "text/plain", "\n"),
    ],
)
def test_scraper__gets_the_exposition_it_accepts(
    client: Client, page: str, accept: str, content_type: str, end: str
) -> None:
    response = client.get(page, headers=bearer(Accept=accept))

    text = response.content.decode()
    assert response.headers["Content-Type"].startswith(content_type)
    assert text.endswith(end)
    for name in ("http_request_duration_seconds", "app_build_info", "flash_sale_job_duration_seconds"):
        assert f"\n# TYPE {name} " in text


def test_person__gets_the_figures_as_json(client: Client) -> None:
    figures = client.get("/monitoring/metrics", headers=bearer(Accept="text/html,*/*;q=0.8")).json()

    assert figures["orders_per_minute"] == 0
    assert figures["sales"] == []


def test_every_label_value__is_free_of_ids_and_addresses(client: Client, operator: User) -> None:
    client.force_login(operator)
    client.get(f"/api/v1/orders/{operator.public_id}/")
    client.get(f"/nowhere/{operator.email}")

    text = client.get("/metrics").content.decode()

    assert str(operator.public_id) not in text
    assert operator.email not in text
