"""The soak's own honesty: forty seconds of it, with some of its processes killed."""

from collections.abc import Callable

import pytest

from benchmarks import soak

pytestmark = pytest.mark.slow


def test_mixed_load_through_kills__loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, record_property: Callable[[str, object], None]
) -> None:
    folder = tmp_path_factory.mktemp("soak")
    for path in (folder, *folder.parents[:3]):
        path.chmod(0o755)
    # A busy machine takes twenty seconds to bring the web process up: orders and flags need some before.
    load = soak.Load(seconds=40, sockets=60, watchers=6, rate=50, orders=2, kill_every=8)

    outcome = soak.soak(load, folder)

    record_property("summary", soak.table(outcome))
    assert outcome.is_whole
    assert outcome.gaps == 0
    assert outcome.events >= 40 * 50
    assert outcome.orders
    assert outcome.flag_changes
    assert {name for _, name in outcome.kills} >= {"web", "relay"}


@pytest.mark.parametrize(
    ("got", "wrong"),
    [
        ([1, 2, 4], {}),
        ([1, 4], {"missed": 1}),
        ([1, 2, 2, 4], {"repeated": 1}),
        ([2, 1, 4], {"disordered": 1}),
        ([1, 2, 3, 4], {"foreign": 1}),
    ],
)
def test_what_a_client_got__is_compared_with_what_was_meant_for_it(got: list[int], wrong: dict[str, int]) -> None:
    """The control: each kind of loss is seen."""
    outcome = soak.Outcome(reconciled=True)

    outcome.add(got, [1, 2, 4], gaps=[])

    assert outcome == soak.Outcome(reconciled=True, deliveries=len(got), **wrong)
    assert outcome.is_whole is (not wrong)


def test_events_in_a_gap_that_was_told__are_no_loss_but_counted() -> None:
    outcome = soak.Outcome(reconciled=True)

    outcome.add([1, 7, 8], [1, 2, 4, 7, 8, 9], gaps=[(1, 3), (6, 7)])

    assert outcome == soak.Outcome(reconciled=True, deliveries=3, missed=2, gaps=2, refetched=1)


def test_broken_books__are_seen() -> None:
    assert not soak.Outcome(reconciled=False).is_whole


def test_growth__is_that_of_a_warm_process_in_its_longest_life() -> None:
    outcome = soak.Outcome(kills=[(100.0, "web")])
    outcome.memory["web"] = [(float(at), 500.0, 0) for at in range(0, 100, 10)]
    outcome.memory["web"] += [(100.0 + at, 100.0 + min(at, 120), 0) for at in range(0, 400, 10)]
    outcome.memory["relay"] = [(float(at), 100.0 + at, 0) for at in range(0, 500, 10)]
    outcome.memory["uvicorn"] = [(float(at), 100.0 + 30 * (at > 400), 1024 * (at > 400)) for at in range(0, 500, 10)]

    assert outcome.growth() == {"web": 1.0, "relay": pytest.approx(590 / 390, rel=0.05), "uvicorn": 1.0}
