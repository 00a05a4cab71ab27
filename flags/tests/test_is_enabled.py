import logging
import threading
import time
from collections.abc import Callable

import pytest
import redis
from django.db import connection

from flags import current as current_module
from flags import is_enabled
from flags.current import current
from flags.document import Document, FlagState
from flags.metrics import tally, unknown_checks


def know(**states: bool) -> None:
    """Flags of this process, without database and Redis; names as keywords have __ for dots."""
    flags = {name.replace("__", "."): FlagState(enabled=enabled, version=1) for name, enabled in states.items()}
    current.install(Document(1, flags))
    current._due = time.monotonic() + 3600


@pytest.mark.parametrize("name", ["new_checkout", "checkout.new_flow", "a.b.c-d"])
def test_plain_and_dotted_names__answer_their_state(name: str) -> None:
    current.install(Document(1, {name: FlagState(enabled=True, version=1)}))
    current._due = time.monotonic() + 3600

    assert is_enabled(name) is True


def test_flag_that_is_off__beats_every_default(declare_flag: Callable[..., str]) -> None:
    declare_flag("shop.open", default=True)
    know(shop__open=False)

    assert is_enabled("shop.open", default=True) is False


@pytest.mark.parametrize("declared", [True, False])
def test_declared_name_without_a_flag__answers_the_declared_default(
    declare_flag: Callable[..., str], declared: bool
) -> None:
    declare_flag("shop.open", default=declared)
    know()

    assert is_enabled("shop.open") is declared
    assert is_enabled("shop.open", default=not declared) is not declared


def test_unknown_name__answers_the_callers_default_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    know(checkout__new_flow=True)
    counted = unknown_checks.count

    with caplog.at_level(logging.WARNING):
        assert is_enabled("checkout.new_flwo", default=True) is True
        assert is_enabled("checkout.new_flwo") is False

    assert unknown_checks.count == counted + 2
    assert caplog.text.count("Did you mean 'checkout.new_flow'?") == 1


@pytest.mark.parametrize("nonsense", [None, [], {}, 7, object()])
def test_nonsense_for_a_name__does_not_raise(nonsense: object, caplog: pytest.LogCaptureFixture) -> None:
    know()

    assert is_enabled(nonsense, default=True) is True  # type: ignore[arg-type]


def test_between_looks__a_check_does_no_io(monkeypatch: pytest.MonkeyPatch) -> None:
    know(shop__open=True)
    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", refuse)

    with connection.execute_wrapper(refuse):
        assert all(is_enabled("shop.open") for _ in range(10_000))


def refuse(*args: object, **kwargs: object) -> None:
    raise AssertionError("I/O in a check")


@pytest.mark.django_db(transaction=True)
def test_many_threads_and_an_old_snapshot__one_looks_and_the_others_go_on(
    make_flag: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_flag("shop.open", enabled=True)
    is_enabled("shop.open")
    looking, release, looks = threading.Event(), threading.Event(), []

    def slow() -> int:
        looks.append(threading.get_ident())
        looking.set()
        release.wait(60)
        return 1

    monkeypatch.setattr(current_module.mirror, "version", slow)
    current._due = 0.0
    first = threading.Thread(target=is_enabled, args=["shop.open"])
    first.start()
    assert looking.wait(60)

    answers = [is_enabled("shop.open") for _ in range(1000)]

    assert all(answers)
    assert first.is_alive()  # it looks still
    assert len(looks) == 1
    release.set()
    first.join()


def test_checks_in_many_threads__are_all_counted() -> None:
    know(shop__open=True)
    counted = tally("shop.open", "on", "STATIC").count
    threads = [threading.Thread(target=lambda: [is_enabled("shop.open") for _ in range(50_000)]) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tally("shop.open", "on", "STATIC").count == counted + 200_000


def test_logging_that_checks_a_flag_itself__neither_hangs_nor_raises(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def asks_again() -> int:
        looks.append(1)
        return int(is_enabled("shop.open"))

    monkeypatch.setattr(current_module.mirror, "version", asks_again)

    assert is_enabled("shop.open", default=True) is True
    assert len(looks) == 1


def test_older_flags_that_come_late__are_passed_over() -> None:
    current._due = time.monotonic() + 3600
    current.install(Document(7, {"shop.open": FlagState(enabled=True, version=7)}))

    current.install(Document(6, {"shop.open": FlagState(enabled=False, version=6)}))

    assert is_enabled("shop.open")
