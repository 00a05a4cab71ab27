"""Files into conversions and wallets: once, twice, shuffled, in pieces, interrupted."""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from accounts.models import User
from cashback.errors import ImportBusy, ImportTakenOver, UnreadableFile
from cashback.models import (
    BuyerReference,
    CashbackEvent,
    Conversion,
    ConversionRevision,
    ImportJob,
    ImportRow,
    MappingProfile,
    Network,
    Transfer,
)
from cashback.services import approve_events, imports
from cashback.services.imports import applying, staging
from cashback.tests.conftest import Books
from cashback.tests.factories import balances, import_lines, line, run, split, worth, write_file
from coupon_site.errors import IllegalTransition
from coupon_site.models import StateChange
from events.models import OutboxEvent

pytestmark = pytest.mark.django_db

# Two customers, three purchases, equal lines, a cancellation of each kind, and lines that are of no use.
LINES = [
    line("536365", "A", 6, "2.55"),
    line("536365", "B", 2, "3.39"),
    line("536365", "B", 2, "3.39"),
    line("536366", "A", 1, "10.0", at="2010-12-02 09:00:00"),
    line("536367", "C", 10, "1.11", "13047.0"),
    line("C536400", "B", -3, "3.39", at="2010-12-03 10:00:00"),
    line("C536401", "A", -1, "10.0", at="2010-12-03 10:00:00"),
    line("C536402", "Z", -1, "5.0", "13047.0", at="2010-12-03 10:00:00"),
    line("536368", customer=""),
    line("536369", price="0.0"),
]
WORTH = {"536365": (144, 51), "536366": (50, 50), "536367": (56, 0)}  # 5 % of 28.86, 10.00 and 11.10
BALANCES = {"17850": (93, 0), "13047": (56, 0)}


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks so small that a few lines make many."""
    monkeypatch.setattr(staging, "CHUNK_LINES", 2)
    monkeypatch.setattr(applying, "BATCH_INVOICES", 1)


def test_file__becomes_conversions_and_cashback(tmp_path: Path, network: Network, broken: Books) -> None:
    job = import_lines(tmp_path, LINES)

    assert (job.state, job.lines, job.rejected, job.conversions, job.clawbacks) == ("done_with_errors", 10, 2, 6, 2)
    assert job.reasons == {"missing_customer": 1, "missing_price": 1}
    assert worth(network) == WORTH
    assert balances() == BALANCES
    assert broken() == {}


def test_purchase__is_one_conversion_with_the_sum_of_its_lines(tmp_path: Path) -> None:
    import_lines(tmp_path, LINES)

    invoice = Conversion.objects.get(external_id="536365")
    assert (invoice.gross_minor, invoice.lines, invoice.cancelled_minor, invoice.currency) == (2886, 3, 1017, "GBP")
    assert invoice.buyer == BuyerReference.objects.get(external_id="17850").user
    assert [each.gross_minor for each in invoice.revisions.all()] == [2886]


def test_cancellation__claws_back_from_the_purchase_it_means(tmp_path: Path) -> None:
    import_lines(tmp_path, LINES)

    event = CashbackEvent.objects.get(conversion__external_id="536365")
    reasons = Transfer.objects.filter(source_id=event.public_id).order_by("id").values_list("reason", "amount_minor")
    assert list(reasons) == [("accrual", 144), ("clawback.1", 51)]
    assert Conversion.objects.get(external_id="C536400").cancelled_minor == 1017


def test_cancellation_of_something_unknown__claws_nothing_back(tmp_path: Path) -> None:
    import_lines(tmp_path, LINES)

    cancellation = Conversion.objects.get(external_id="C536402")
    assert (cancellation.gross_minor, cancellation.cancelled_minor) == (-500, 0)
    assert not CashbackEvent.objects.filter(conversion__is_cancellation=True).exists()


def test_clawback__never_exceeds_the_cashback(tmp_path: Path, network: Network, broken: Books) -> None:
    import_lines(tmp_path, [line("1", "A", 2, "1.00"), line("C2", "A", -2, "9.00", at="2010-12-05 00:00:00")])

    assert worth(network) == {"1": (10, 10)}
    assert balances() == {"17850": (0, 0)}
    assert broken() == {}


def test_bad_lines__are_reported_with_number_and_reason(tmp_path: Path) -> None:
    job = import_lines(tmp_path, LINES)

    rejected = job.rows.filter(outcome="error").order_by("row_no").values_list("row_no", "reasons", "raw")
    assert list(rejected) == [(9, ["missing_customer"], LINES[8]), (10, ["missing_price"], LINES[9])]
    assert set(job.rows.exclude(outcome="error").values_list("outcome", flat=True)) == {"created"}


def test_the_same_file_twice__changes_nothing(tmp_path: Path, network: Network, broken: Books) -> None:
    first = import_lines(tmp_path, LINES, name="one.csv")
    seen = (Transfer.objects.count(), OutboxEvent.objects.count(), StateChange.objects.count())

    again = import_lines(tmp_path, LINES, name="two.csv")

    assert again == first
    assert (Transfer.objects.count(), OutboxEvent.objects.count(), StateChange.objects.count()) == seen
    assert worth(network) == WORTH
    assert broken() == {}


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("seed", range(5))
def test_shuffled__gives_the_same(tmp_path: Path, network: Network, broken: Books, seed: int) -> None:
    lines = shuffled(LINES, seed)

    import_lines(tmp_path, lines)

    assert worth(network) == WORTH
    assert balances() == BALANCES
    assert broken() == {}


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("seed", range(3))
def test_shuffled_after_the_file_itself__changes_nothing(
    tmp_path: Path, network: Network, broken: Books, seed: int
) -> None:
    import_lines(tmp_path, LINES)
    rows = Transfer.objects.count()

    job = import_lines(tmp_path, shuffled(LINES, seed + 1))

    assert (job.created_count, job.amended_count, job.unchanged_count, job.clawbacks) == (0, 0, 6, 0)
    assert set(job.rows.exclude(outcome="error").values_list("outcome", flat=True)) == {"unchanged"}
    assert Transfer.objects.count() == rows
    assert balances() == BALANCES
    assert broken() == {}


@pytest.mark.parametrize("parts", [2, 3, 4])
@pytest.mark.parametrize("order", [1, -1])
def test_split__gives_the_same_in_any_order(
    tmp_path: Path, network: Network, broken: Books, parts: int, order: int
) -> None:
    for part in list(split(LINES, parts))[::order]:
        import_lines(tmp_path, part)

    assert worth(network) == WORTH
    assert balances() == BALANCES
    assert broken() == {}


# Three invoices of a customer, cut inside the second and the third; equal lines lie on both sides of each cut.
CUT = [
    [line("1", item) for item in "ABCDE"] + [line("2", item) for item in "ABCD"],
    [line("2", item) for item in "BEFG"] + [line("3", item) for item in "ABCD"],
    [line("3", item) for item in "CEFG"] + [line("4", item) for item in "AB"],
]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_equal_lines_on_both_sides_of_a_cut__are_two(
    tmp_path: Path, network: Network, broken: Books, order: tuple[int, ...]
) -> None:
    for place in order:
        import_lines(tmp_path, CUT[place])

    assert {number: original // 50 for number, (original, _) in worth(network).items()} == {
        "1": 5,
        "2": 8,
        "3": 8,
        "4": 2,
    }
    assert broken() == {}


@pytest.mark.parametrize("way", ["overlapping stretches", "an invoice again", "the rest of an invoice again"])
def test_equal_lines_of_an_invoice_that_came_again__are_one(
    tmp_path: Path, network: Network, broken: Books, way: str
) -> None:
    whole = [*CUT[0], *CUT[1], *CUT[2]]
    files = {
        "overlapping stretches": [whole[:8], whole[6:18], whole[14:]],
        "an invoice again": [whole, whole[9:13]],
        "the rest of an invoice again": [whole[:15], whole[15:], whole[19:]],
    }[way]

    for file in files:
        import_lines(tmp_path, file)

    assert {number: original // 50 for number, (original, _) in worth(network).items()} == {
        "1": 5,
        "2": 8,
        "3": 8,
        "4": 2,
    }
    assert broken() == {}


def test_piece_after_the_whole__changes_nothing(tmp_path: Path, network: Network) -> None:
    import_lines(tmp_path, LINES)

    job = import_lines(tmp_path, LINES[:5])

    assert (job.created_count, job.amended_count) == (0, 0)
    assert worth(network) == WORTH


def test_whole_after_a_piece__adds_what_is_missing(tmp_path: Path, network: Network, broken: Books) -> None:
    import_lines(tmp_path, LINES[:2])

    job = import_lines(tmp_path, LINES)

    outcomes = dict(job.rows.filter(external_id="536365").order_by("row_no").values_list("row_no", "outcome"))
    assert outcomes == {1: "skipped_duplicate", 2: "amended", 3: "amended"}
    assert (job.created_count, job.amended_count) == (5, 1)
    assert worth(network) == WORTH
    revisions = ConversionRevision.objects.filter(conversion__external_id="536365").order_by("id")
    assert [each.gross_minor for each in revisions] == [2208, 2886]
    assert broken() == {}


def test_purchase_that_comes_late__takes_over_its_cancellation(tmp_path: Path, network: Network, broken: Books) -> None:
    import_lines(tmp_path, [line("1", "A", 2), line("C9", "A", -1, at="2010-12-09 00:00:00")])
    assert worth(network) == {"1": (100, 50)}

    import_lines(tmp_path, [line("2", "A", 2, at="2010-12-02 00:00:00")])

    assert worth(network) == {"1": (100, 0), "2": (100, 50)}
    assert balances() == {"17850": (150, 0)}
    assert broken() == {}


def test_cancelled_after_it_was_paid__comes_out_of_the_wallet(tmp_path: Path, network: Network, broken: Books) -> None:
    import_lines(tmp_path, LINES[:5])
    approve_events(events=list(CashbackEvent.objects.all()), at=timezone.now())

    import_lines(tmp_path, LINES[5:])

    assert worth(network) == WORTH
    assert balances() == {"17850": (0, 93), "13047": (0, 56)}
    assert broken() == {}


def test_invoice_of_two_customers__is_nobodys(tmp_path: Path, network: Network, broken: Books) -> None:
    import_lines(tmp_path, [line("1", "A", 2), line("C9", "A", -1, at="2010-12-09 00:00:00")])

    import_lines(tmp_path, [line("1", "B", 1, customer="99")])

    assert Conversion.objects.get(external_id="1").buyer is None
    assert worth(network) == {"1": (0, 0)}
    assert balances()["17850"] == (0, 0)
    assert broken() == {}


def test_unknown_customers__get_an_account_that_nobody_can_sign_in_to(tmp_path: Path) -> None:
    import_lines(tmp_path, LINES)

    buyer = BuyerReference.objects.get(external_id="13047").user
    assert buyer.email.endswith("@online-retail.invalid")
    assert not buyer.has_usable_password()
    assert not buyer.is_staff


def test_known_customer__keeps_the_account(tmp_path: Path, network: Network, user: User) -> None:
    BuyerReference.objects.create(network=network, external_id="13047", user=user)

    import_lines(tmp_path, LINES)

    assert CashbackEvent.objects.get(conversion__external_id="536367").buyer == user
    assert User.objects.exclude(pk=user.pk).count() == 1


def test_profile_that_makes_no_accounts__leaves_purchases_to_nobody(
    tmp_path: Path, network: Network, broken: Books
) -> None:
    MappingProfile.objects.update(creates_buyers=False)

    job = import_lines(tmp_path, LINES)

    assert (job.conversions, CashbackEvent.objects.count(), User.objects.count()) == (6, 0, 0)
    assert broken() == {}


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("after", range(1, 11))
def test_stopped_between_chunks__goes_on_where_it_was(
    tmp_path: Path, network: Network, broken: Books, after: int
) -> None:
    path = write_file(tmp_path, LINES)
    job = run(path, after_chunk=stop_after(after))
    assert job.state == "running"

    again = run(path)

    assert again == job
    assert (again.state, again.lines, again.conversions, again.clawbacks) == ("done_with_errors", 10, 6, 2)
    assert worth(network) == WORTH
    assert broken() == {}


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize(
    ("place", "name", "call"),
    [(staging, "rows_of", 3), (applying, "rematch", 4), (applying, "reward", 2), (applying, "advance", 5)],
)
def test_broken_inside_a_chunk__leaves_nothing_of_it_and_goes_on(
    tmp_path: Path,
    network: Network,
    broken: Books,
    monkeypatch: pytest.MonkeyPatch,
    *,
    place: Any,
    name: str,
    call: int,
) -> None:
    path = write_file(tmp_path, LINES)
    with monkeypatch.context() as patch:
        patch.setattr(place, name, failing_at(call, getattr(place, name)))
        with pytest.raises(RuntimeError, match="pulled the plug"):
            run(path)
    job = ImportJob.objects.get()
    assert (job.state, job.error) == ("failed", "RuntimeError: pulled the plug")
    assert not {name for name in broken() if name != "imports_with_lost_lines"}

    run(path)

    job.refresh_from_db()
    assert (job.state, job.lines, job.error) == ("done_with_errors", 10, "")
    assert worth(network) == WORTH
    assert broken() == {}


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("others", [1, 100], ids=["by a chunk", "to the end"])
@pytest.mark.parametrize("chunks", [2, 7])
def test_another_process_went_on_with_it__this_one_stops(
    tmp_path: Path, network: Network, broken: Books, chunks: int, others: int
) -> None:
    path = write_file(tmp_path, LINES)
    done = iter(range(1, 100))

    def overtaken(job: ImportJob) -> bool:
        if next(done) == chunks:
            run(path, after_chunk=stop_after(others))
        return True

    with pytest.raises(ImportTakenOver):
        run(path, after_chunk=overtaken)

    run(path)
    assert ImportJob.objects.get().state == "done_with_errors"
    assert worth(network) == WORTH
    assert broken() == {}


@pytest.mark.usefixtures("small_steps")
def test_another_file_of_the_network_is_running__waits(tmp_path: Path, network: Network) -> None:
    run(write_file(tmp_path, LINES, name="one.csv"), after_chunk=stop_after(1))

    with pytest.raises(ImportBusy):
        import_lines(tmp_path, LINES[:3])

    ImportJob.objects.filter(filename="one.csv").update(heartbeat_at=timezone.now() - timedelta(hours=1))
    assert import_lines(tmp_path, LINES[:3]).state == "done"
    assert ImportJob.objects.get(filename="one.csv").state == "failed"


def test_file_that_nobody_can_read__fails_and_says_why(tmp_path: Path, network: Network) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    job = imports.open_import(
        network=network, filename="other.csv", print_=imports.fingerprint([path.read_bytes()]), source="command"
    ).job

    with pytest.raises(UnreadableFile, match="no delimiter"):
        imports.prepare_import(job=job, file=imports.LocalFile(path), at=timezone.now())

    job.refresh_from_db()
    assert job.state == "failed"
    assert "no delimiter" in job.error
    with pytest.raises(IllegalTransition):
        imports.run_import(job=job, file=imports.LocalFile(path))


def test_import_that_nobody_let_begin__does_not(tmp_path: Path, network: Network) -> None:
    path = write_file(tmp_path, LINES)
    job = imports.open_import(
        network=network, filename="a.csv", print_=imports.fingerprint([path.read_bytes()]), source="command"
    ).job

    with pytest.raises(IllegalTransition):
        imports.run_import(job=job, file=imports.LocalFile(path))

    assert job.state == "uploaded"


def test_mapping_of_a_job__stays_when_its_profile_changes(tmp_path: Path, network: Network, broken: Books) -> None:
    path = write_file(tmp_path, LINES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "CHUNK_LINES", 2)
        run(path, after_chunk=stop_after(1))
    MappingProfile.objects.update(decimal_mark=",", date_format="%d.%m.%Y")

    run(path)

    assert worth(network) == WORTH


@pytest.mark.parametrize("item", ["A\\B", "A\tB", '"A\nB"', "\\N", "{A}", "Ä'"])
def test_characters_that_the_database_reads_otherwise__arrive_as_they_are(
    tmp_path: Path, network: Network, item: str
) -> None:
    job = import_lines(tmp_path, [line("1", item), line("2", item, customer="")])

    good, bad = job.rows.order_by("row_no")
    assert good.item == item.strip('"')
    assert bad.raw == line("2", item.strip('"'), customer="")


def test_file_without_lines__is_done(tmp_path: Path, network: Network, broken: Books) -> None:
    job = import_lines(tmp_path, [])

    assert (job.state, job.lines, job.progress) == ("done", 0, 1.0)
    assert broken() == {}


def test_end__is_counted_and_told_once(
    tmp_path: Path, network: Network, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    watched = {
        "import_jobs_total": {"source": "command", "status": "done_with_errors"},
        "import_rows_total": {"result": "created"},
        "import_job_duration_seconds_count": {},
    }
    before = {name: REGISTRY.get_sample_value(name, labels) for name, labels in watched.items()}

    with django_capture_on_commit_callbacks(execute=True):
        import_lines(tmp_path, LINES)

    after = {name: REGISTRY.get_sample_value(name, labels) for name, labels in watched.items()}
    assert None not in before.values()
    assert {name: after[name] - before[name] for name in watched} == {  # type: ignore[operator]
        "import_jobs_total": 1,
        "import_rows_total": 8,
        "import_job_duration_seconds_count": 1,
    }
    assert REGISTRY.get_sample_value("import_jobs_in_progress") == 0
    told = OutboxEvent.objects.get(event_type="import.finished")
    assert told.audience == ["perm:cashback.view_cashbackevent"]


def test_more_invoices__take_no_more_statements(
    tmp_path: Path, network: Network, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    few = [line(str(number), customer=f"{number}.0") for number in range(5)]
    many = [line(str(number), customer=f"{number}.0") for number in range(1000, 1200)]

    with CaptureQueriesContext(connection) as queries:
        import_lines(tmp_path, few)

    with django_assert_num_queries(len(queries), exact=False):
        import_lines(tmp_path, many)


def shuffled(lines: Sequence[str], seed: int) -> list[str]:
    lines = list(lines)
    random.Random(seed).shuffle(lines)
    return lines


def stop_after(chunks: int) -> Callable[[ImportJob], bool]:
    """Says no when so many chunks are committed."""
    left = iter(range(chunks - 1, -1, -1))
    return lambda job: bool(next(left))


def failing_at(call: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, until it is called for that time."""
    calls = iter(range(1, 1000))

    def fails(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == call:
            raise RuntimeError("pulled the plug")
        return function(*args, **kwargs)

    return fails


def test_rows__are_kept_for_every_line(tmp_path: Path, network: Network) -> None:
    job = import_lines(tmp_path, LINES)

    assert list(ImportRow.objects.filter(job=job).order_by("row_no").values_list("row_no", flat=True)) == [
        *range(1, 11)
    ]
