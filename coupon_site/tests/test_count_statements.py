"""What the database is asked, counted for each request and for each of the business' tables."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.db import ProgrammingError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.test.utils import CaptureQueriesContext
from prometheus_client import REGISTRY

from coupon_site.database.base import Statements, statements
from coupon_site.database.prepared import prepared_cursor
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


def series(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"alias": "default", "vendor": "postgresql", **labels}) or 0.0


@pytest.mark.parametrize("cursor_of", [connection.cursor, prepared_cursor])
def test_statement__is_counted_and_timed_once(cursor_of: Callable[[], CursorWrapper]) -> None:
    names = ("django_db_execute_total", "django_db_query_duration_seconds_count")
    before, own = [series(name) for name in names], Statements()
    token = statements.set(own)

    with CaptureQueriesContext(connection) as captured, cursor_of() as cursor:
        cursor.execute("SELECT %s::int + 1", [1])
        assert cursor.fetchone() == (2,)
    statements.reset(token)

    assert [now - then for now, then in zip(map(series, names), before, strict=True)] == [1, 1]
    assert (own.count, len(captured)) == (1, 1)


def test_many_rows__count_one_by_one() -> None:
    names = ("django_db_execute_total", "django_db_execute_many_total")
    before = [series(name) for name in names]

    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO auth_group (name) VALUES (%s)", [["one"], ["two"], ["three"]])

    assert [now - then for now, then in zip(map(series, names), before, strict=True)] == [3, 3]


def test_statement_that_fails__is_counted_by_its_error() -> None:
    before = series("django_db_errors_total", type="UndefinedTable")

    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")

    assert series("django_db_errors_total", type="UndefinedTable") == before + 1


def test_prepared_statement__is_planned_once_for_a_connection() -> None:
    for number in range(5):
        with prepared_cursor() as cursor:
            cursor.execute("SELECT %s::int AS planned_once", [number])
            assert cursor.fetchone() == (number,)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%planned_once%"])
        assert cursor.fetchone() == (1,)
