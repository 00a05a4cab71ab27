import time
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY, generate_latest

from flags import is_enabled
from flags.current import current
from flags.metrics import Tally
from flags.models import Flag


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.django_db(transaction=True)
def test_checks__are_counted_by_flag_variant_and_reason(
    make_flag: Callable[..., Flag], declare_flag: Callable[..., str]
) -> None:
    make_flag("m.on", enabled=True)
    make_flag("m.off")
    declare_flag("m.declared", default=True)

    for name in ("m.on", "m.on", "m.off", "m.declared"):
        is_enabled(name)

    assert sample("feature_flag_evaluations_total", flag="m.on", variant="on", reason="STATIC") == 2
    assert sample("feature_flag_evaluations_total", flag="m.off", variant="off", reason="DISABLED") == 1
    assert sample("feature_flag_evaluations_total", flag="m.declared", variant="on", reason="DEFAULT") == 1


def test_names_from_outside__make_no_new_series() -> None:
    series = generate_latest().count(b"feature_flag_evaluations_total{")
    unknown = sample("feature_flag_unknown_total")

    for number in range(50):
        is_enabled(f"from.outside{number}")

    assert generate_latest().count(b"feature_flag_evaluations_total{") == series
    assert sample("feature_flag_unknown_total") == unknown + 50


@pytest.mark.django_db(transaction=True)
def test_snapshot_in_use__shows_its_version_and_its_age(make_flag: Callable[..., Flag]) -> None:
    make_flag("m.on")
    is_enabled("m.on")
    assert sample("feature_flag_snapshot_version") == 1
    assert 0 <= sample("feature_flag_snapshot_age_seconds") < 1.5

    current._checked_at = time.monotonic() - 30
    current._due = time.monotonic() + 60  # as when no source answers

    assert sample("feature_flag_snapshot_age_seconds") >= 30


@pytest.mark.django_db(transaction=True)
def test_process_that_was_idle__looks_before_it_shows_its_age(make_flag: Callable[..., Flag]) -> None:
    make_flag("m.on")
    is_enabled("m.on")
    current._checked_at = time.monotonic() - 30
    current._due = time.monotonic() - 29

    assert sample("feature_flag_snapshot_age_seconds") < 1


def test_process_that_checks_nothing__shows_no_age_and_does_not_look() -> None:
    assert sample("feature_flag_snapshot_age_seconds") == 0

    assert not current._looked


@pytest.mark.django_db(transaction=True)
def test_publication__is_timed_and_its_failure_counted(
    make_flag: Callable[..., Flag], turn: Callable[..., Flag], settings: object
) -> None:
    published, failed = sample("feature_flag_publish_seconds_count"), sample("feature_flag_publish_errors_total")

    make_flag("m.on")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    turn("m.on", True)

    assert sample("feature_flag_publish_seconds_count") == published + 1
    assert sample("feature_flag_publish_errors_total") == failed + 1


def test_tally__starts_at_nought() -> None:
    assert Tally().count == 0
