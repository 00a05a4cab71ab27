"""Transaction reports of affiliate networks: amounts instead of prices, states, corrections and amendments."""

import random
from collections.abc import Sequence
from itertools import pairwise, permutations
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cashback.models import CashbackEvent, Conversion, ImportJob, MappingProfile, Network
from cashback.tests.conftest import Books
from cashback.tests.factories import balances, run, worth

DATA = Path(__file__).parent / "data"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def networks(db: None) -> dict[str, Network]:
    """Five percent for everybody who buys through a network."""
    Network.objects.update(cashback_basis_points=500)
    MappingProfile.objects.update(creates_buyers=True)
    return {network.slug: network for network in Network.objects.all()}


def imported(folder: Path, lines: Sequence[str]) -> ImportJob:
    path = folder / f"{uuid4()}.csv"
    path.write_text("\n".join(lines) + "\n")
    return run(path)


def figures(network: Network) -> dict[str, tuple[int, int, str]]:
    """Transaction → what is known of it: gross, cancelled, currency."""
    rows = Conversion.objects.filter(network=network, is_cancellation=False)
    return {
        each.external_id: (each.gross_minor, each.cancelled_minor, each.currency)
        for each in rows.order_by("external_id")
    }


def test_awin_report__counts_what_is_not_declined(networks: dict[str, Network], broken: Books) -> None:
    job = run(DATA / "awin_march.csv")

    assert (job.network.slug, job.state, job.lines, job.reasons) == (
        "awin",
        "done_with_errors",
        6,
        {"missing_customer": 1, "bad_status": 1},
    )
    assert figures(job.network) == {
        "700001": (12000, 0, "GBP"),
        "700002": (5990, 0, "GBP"),
        "700003": (8000, 0, "GBP"),
        "700004": (3550, 0, "EUR"),
    }
    assert broken() == {}


def test_later_awin_report__replaces_what_was_known(networks: dict[str, Network], broken: Books) -> None:
    run(DATA / "awin_march.csv")

    job = run(DATA / "awin_april.csv")

    assert figures(job.network) == {
        "700001": (12000, 0, "GBP"),
        "700002": (0, 0, "GBP"),
        "700003": (6400, 0, "GBP"),
        "700004": (0, 0, "EUR"),
        "700007": (2000, 0, "GBP"),
    }
    outcomes = dict(job.rows.values_list("external_id", "outcome"))
    assert outcomes == {
        "700001": "unchanged",
        "700002": "amended",
        "700003": "amended",
        "700004": "amended",
        "700007": "created",
    }
    assert (job.created_count, job.amended_count, job.unchanged_count) == (1, 3, 1)
    revisions = Conversion.objects.get(external_id="700003").revisions.order_by("pk")
    assert [each.gross_minor for each in revisions] == [8000, 6400]
    assert balances()["ben"] == (100, 0)
    assert broken() == {}


def test_unknown_state__is_told_with_its_line(networks: dict[str, Network]) -> None:
    job = run(DATA / "awin_march.csv")

    rejected = job.rows.get(external_id="", reasons__contains=["bad_status"])
    assert "under review" in rejected.raw
    assert job.preview is not None
    assert [each["detail"] for each in job.preview["warnings"]] == ["What does under review mean?"]


def test_cj_corrections__claw_back_from_their_own_action(networks: dict[str, Network], broken: Books) -> None:
    job = run(DATA / "cj_march.csv")

    assert (job.network.slug, job.lines, job.reasons, job.clawbacks) == ("cj", 6, {"missing_customer": 1}, 2)
    assert figures(job.network) == {
        "81001": (125000, 0, "USD"),
        "81002": (8000, 3000, "USD"),
        "81003": (4000, 4000, "USD"),
    }
    assert worth(job.network) == {"81001": (6250, 0), "81002": (400, 150), "81003": (200, 200)}
    assert broken() == {}


def test_rakuten_returns__claw_back_from_their_own_order(networks: dict[str, Network], broken: Books) -> None:
    job = run(DATA / "rakuten_march.csv")

    assert (job.network.slug, job.lines, job.reasons, job.clawbacks) == ("rakuten", 6, {"missing_customer": 1}, 2)
    assert figures(job.network) == {"G-100": (5998, 2499, "USD"), "G-101": (109900, 109900, "USD")}
    order = Conversion.objects.get(external_id="G-101", is_cancellation=False)
    assert order.occurred_at.isoformat() == "2026-03-13T22:40:10+00:00"  # in New York, after its clocks went forward
    assert broken() == {}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["cj_march", "rakuten_march", "awin_march"])
def test_shuffled_and_again__is_the_same(
    networks: dict[str, Network], tmp_path: Path, broken: Books, name: str, seed: int
) -> None:
    header, *lines = (DATA / f"{name}.csv").read_text().splitlines()
    before = run(DATA / f"{name}.csv")
    known = (figures(before.network), worth(before.network), balances())
    random.Random(seed).shuffle(lines)

    job = imported(tmp_path, [header, *lines])

    assert (job.created_count, job.amended_count, job.clawbacks) == (0, 0, 0)
    assert (figures(job.network), worth(job.network), balances()) == known
    assert broken() == {}


# A report that says when a transaction was last changed, so that the order of lines and files makes no difference.
HEADER = "Order ID,Order date,Sub ID,Total,Status,Last modified"
CHANGES = [
    "1,2026-03-01 10:00:00,anna,100.00,pending,2026-03-01 10:00:00",
    "1,2026-03-01 10:00:00,anna,80.00,pending,2026-03-03 10:00:00",
    "1,2026-03-01 10:00:00,anna,90.00,approved,2026-03-09 10:00:00",
    "2,2026-03-02 10:00:00,ben,50.00,pending,2026-03-02 10:00:00",
    "2,2026-03-02 10:00:00,ben,50.00,declined,2026-03-08 10:00:00",
]
AFTER = {"1": (9000, 0, "EUR"), "2": (0, 0, "EUR")}


@pytest.fixture
def shop(networks: dict[str, Network]) -> Network:
    """A network that writes so."""
    network = Network.objects.create(slug="subs", name="Subs", cashback_basis_points=500)
    MappingProfile.objects.create(
        network=network,
        name="Report",
        columns={
            "external_id": "Order ID", "occurred_at": "Order date", "buyer": "Sub ID", "amount": "Total",
            "status": "Status", "version": "Last modified",
        },
        currency="EUR",
        signs="negative",
        cancellation_prefix="",
        statuses={"pending": "pending", "approved": "approved", "declined": "declined"},
        replaces=True,
        creates_buyers=True,
    )  # fmt: skip
    return network


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_amendments_in_any_order_of_files__end_the_same(
    shop: Network, tmp_path: Path, broken: Books, order: tuple[int, ...]
) -> None:
    pieces = [CHANGES[:2], CHANGES[2:4], CHANGES[4:]]

    for place in order:
        imported(tmp_path, [HEADER, *pieces[place]])

    assert figures(shop) == AFTER
    assert balances() == {"anna": (450, 0), **({"ben": (0, 0)} if "ben" in balances() else {})}
    assert broken() == {}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.permutations(CHANGES), cuts=st.sets(st.integers(1, 4), max_size=3), again=st.booleans())
def test_amendments_shuffled_split_and_repeated__end_the_same(
    shop: Network,
    tmp_path_factory: pytest.TempPathFactory,
    broken: Books,
    *,
    lines: list[str],
    cuts: set[int],
    again: bool,
) -> None:
    files = [lines[start:end] for start, end in pairwise([0, *sorted(cuts), len(lines)])]
    with transaction.atomic():
        for file in [*files, *(files[:1] if again else [])]:
            imported(tmp_path_factory.mktemp("files"), [HEADER, *file, "bad line"])
        found, faults = figures(shop), broken()
        events = CashbackEvent.objects.filter(conversion__network=shop, conversion__external_id="1")
        amounts = [event.amount_minor for event in events]
        transaction.set_rollback(True)

    assert (found, amounts, faults) == (AFTER, [450], {})


def test_lines_of_another_currency__are_rejected(shop: Network, tmp_path: Path, broken: Books) -> None:
    profile = shop.profiles.get()
    profile.columns = {**profile.columns, "currency": "Cur"}
    profile.save(update_fields=["columns"])
    header = f"{HEADER},Cur"
    imported(tmp_path, [header, f"{CHANGES[0]},EUR", f"{CHANGES[3]},SEK"])

    job = imported(tmp_path, [header, f"{CHANGES[1]},USD", f"{CHANGES[4]},sek"])

    assert job.reasons == {"mixed_currency": 1}
    assert (job.lines, job.rejected, job.state) == (2, 1, "done_with_errors")
    assert figures(shop) == {"1": (10000, 0, "EUR"), "2": (0, 0, "SEK")}
    assert broken() == {}
