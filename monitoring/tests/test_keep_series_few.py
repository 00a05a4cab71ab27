"""However the site is used or abused, the series of a process stay few, and hold nobody's data."""

import ipaddress
import random
import re
import string
from functools import partial

import pytest
from django.test import Client
from django.urls import resolve
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import User
from coupon_site.exposition import exposition
from monitoring import metrics
from monitoring.middleware import UNCOUNTED, count_of, duration_of, route_series
from monitoring.routes import METHODS, OTHER, takes, template_of
from tests.routes import address, patterns

pytestmark = pytest.mark.django_db

# Of the 4,000 samples that a process may show, what is left beside its other series.
BUDGET = 3300
HTTP = (
    metrics.http_requests_total,
    metrics.http_request_duration_seconds,
    metrics.http_request_db_queries,
    metrics.http_request_size_bytes,
    metrics.http_response_size_bytes,
)

Labels = frozenset[tuple[str, str]]


@pytest.fixture(autouse=True)
def _new_process() -> None:
    """Whatever other tests have asked for in this one does not count."""
    for metric in HTTP:
        metric.clear()
    for children_of in (count_of, duration_of, route_series):
        children_of.cache_clear()


def http_samples() -> list[tuple[str, dict[str, str]]]:
    """What a scrape brings of the series that requests make."""
    families = text_string_to_metric_families(exposition("text/plain")[0].decode())
    return [
        (each.name, each.labels) for family in families if family.name.startswith("http_") for each in family.samples
    ]


def children() -> set[Labels]:
    """Label sets without their status: one route may answer with as many as there are, which is few."""
    return {frozenset((key, value) for key, value in labels.items() if key != "status") for _, labels in http_samples()}


def one_of_each_route() -> list[str]:
    """A pattern for every route; the admin has the same screens for every table."""
    found = {template_of(pattern): pattern for pattern in patterns()}
    return [pattern for route, pattern in found.items() if route not in UNCOUNTED and "logout" not in route]


def word(chance: random.Random) -> str:
    return "".join(chance.choices(string.ascii_uppercase, k=9))


def ask_every_route(client: Client, chance: random.Random) -> None:
    """With every method that has an answer, and one that has none."""
    for pattern in one_of_each_route():
        target = address(pattern, chance)
        view = resolve(target).func
        for method in [*filter(partial(takes, view), sorted(METHODS)), "BREW"]:
            client.generic(method, target)
    for method in ("GET", "POST", "BREW"):
        client.generic(method, "/nowhere")
        client.generic(method, "/static/nothing.css")


def abuse(client: Client, chance: random.Random) -> set[str]:
    """Known and unknown addresses, made-up methods, headers and ids; everything that was made up."""
    words = [word(chance) for _ in range(4)]
    stranger, target = (
        str(ipaddress.ip_address(chance.getrandbits(32))),
        address(chance.choice(sorted(patterns())), chance),
    )
    claims = {"X-Request-ID": words[0], "User-Agent": words[1], "X-Forwarded-For": stranger}
    client.generic(chance.choice([*METHODS, "OPTIONS", words[2]]), target, headers=claims)
    client.get(f"/{words[2]}/?email={words[3]}@example.com", headers=claims)
    client.generic(words[3], f"/static/{words[2]}")
    return {*words, stranger, *re.findall(r"[0-9a-f-]{36}|\d{7,}", target)}


def test_every_route_asked_and_then_abused__series_stay_few_and_known(superuser: User) -> None:
    operator, nobody = Client(raise_request_exception=False), Client(raise_request_exception=False)
    operator.force_login(superuser)
    chance = random.Random(1)
    ask_every_route(operator, chance)
    known = children()

    made_up = set().union(*(abuse(chance.choice((operator, nobody)), chance) for _ in range(60)))

    assert children() == known
    shown = [labels for _, labels in http_samples()]
    assert not [value for labels in shown for key, value in labels.items() if key != "le" and contains(value, made_up)]
    assert all(100 <= int(labels["status"]) < 600 for labels in shown if "status" in labels)
    assert {labels["method"] for labels in shown if "method" in labels} <= {*METHODS, OTHER}
    assert len(shown) < BUDGET


def contains(value: str, words: set[str]) -> bool:
    return any(word in value for word in words)
