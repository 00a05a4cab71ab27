"""What the database is asked, counted for each request and for each of the business' tables."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from prometheus_client import REGISTRY

from coupon_site.database.base import Statements, statements
from orders.models import Merchant, Offer

pytestmark = pytest.mark.django_db

OFFER = {"value_minor": 2000, "price_minor": 1250, "currency": "GBP"}


def counted(verb: str, model: str = "offer") -> float:
    value = REGISTRY.get_sample_value(f"django_model_{verb}_total", {"model": model})
    assert value is not None
    return value


@pytest.fixture
def merchant() -> Merchant:
    return Merchant.objects.create(name="The Old Mill")


def test_request__counts_its_own_statements_and_nobody_else_s() -> None:
    mine, others = Statements(), Statements()

    for own, number in ((mine, 3), (others, 1), (None, 5)):
        token = statements.set(own)
        for _ in range(number):
            Group.objects.exists()
        statements.reset(token)

    assert (mine.count, others.count) == (3, 1)


def test_rows__are_counted_also_when_many_are_written_at_once(merchant: Merchant) -> None:
    before = [counted(verb) for verb in ("inserts", "updates", "deletes")]

    Offer.objects.create(merchant=merchant, title="One", **OFFER)
    Offer.objects.bulk_create([Offer(merchant=merchant, title=f"Many {number}", **OFFER) for number in range(4)])
    Offer.objects.filter(title__startswith="Many").update(price_minor=1)
    Offer.objects.filter(title="Many 1").delete()

    after = [counted(verb) for verb in ("inserts", "updates", "deletes")]
    assert [now - then for now, then in zip(after, before, strict=True)] == [5, 4, 1]


def test_rows_of_other_tables_and_reads__make_no_series(merchant: Merchant) -> None:
    list(Offer.objects.all())
    Group.objects.create(name="of no business")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO auth_group (name) VALUES (%s)", ["by hand"])

    assert REGISTRY.get_sample_value("django_model_inserts_total", {"model": "group"}) is None


def test_time_of_statements__is_measured_from_half_a_millisecond_on() -> None:
    labels = {"alias": "default", "vendor": "postgresql", "le": "0.0005"}

    assert REGISTRY.get_sample_value("django_db_query_duration_seconds_bucket", labels) is not None
