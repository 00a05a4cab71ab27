"""Between processes, through a real Redis."""

import statistics
import subprocess
import threading
import time
from collections.abc import Callable

import pytest
import redis
from django.db import connection

from flags import mirror
from flags.document import Document, FlagState
from flags.models import Flag, FlagSet

StartChild = Callable[..., subprocess.Popen[str]]
pytestmark = pytest.mark.django_db(transaction=True)


def read(child: subprocess.Popen[str]) -> str:
    """The next line; nothing from a child that is silent for long."""
    assert child.stdout
    impatience = threading.Timer(20, child.kill)
    impatience.start()
    line = child.stdout.readline().strip()
    impatience.cancel()
    return line


def toggle_and_time(child: subprocess.Popen[str], turn: Callable[..., Flag], times: int) -> list[float]:
    """Seconds from the end of each change to its being seen in the other process."""
    taken = []
    for number in range(times):
        state = number % 2 == 0
        turn("shop.open", state)
        began = time.monotonic()
        assert read(child) == str(state)
        taken.append(time.monotonic() - began)
    return taken


def test_change__is_seen_by_another_process_within_100_ms(
    start_child: StartChild, make_flag: Callable[..., Flag], turn: Callable[..., Flag]
) -> None:
    make_flag("shop.open")
    child = start_child("watcher", "shop.open")
    assert read(child) == "False"
    time.sleep(0.2)  # the listener subscribes after the first check

    taken = toggle_and_time(child, turn, 10)

    assert statistics.median(taken) < 0.1
    assert max(taken) < 1.5


def test_change_while_pubsub_is_down__is_seen_within_a_second(
    start_child: StartChild, make_flag: Callable[..., Flag], turn: Callable[..., Flag]
) -> None:
    make_flag("shop.open")
    child = start_child("watcher", "shop.open", "deaf")
    assert read(child) == "False"

    taken = toggle_and_time(child, turn, 3)

    assert max(taken) < 1.5
    assert max(taken) > 0.1  # the control: this child hears nothing


def test_forked_child__has_a_listener_of_its_own(
    start_child: StartChild, make_flag: Callable[..., Flag], turn: Callable[..., Flag]
) -> None:
    make_flag("shop.open")
    child = start_child("watcher", "shop.open", "fork")
    assert read(child) == "False"
    time.sleep(0.2)

    taken = toggle_and_time(child, turn, 4)

    assert statistics.median(taken) < 0.1


def document(version: int, *, on: bool) -> Document:
    return Document(version, {"shop.open": FlagState(enabled=on, version=version)})


def test_late_writer__does_not_bring_an_old_version_back(shared: redis.Redis) -> None:
    assert mirror.write(document(5, on=True))

    assert not mirror.write(document(4, on=False))
    assert not mirror.write(document(5, on=False))

    assert shared.get("feature:flags:version") == "5"
    assert shared.hgetall("feature:flags") == {"shop.open": "1"}


def test_without_the_comparison__a_late_writer_wins(monkeypatch: pytest.MonkeyPatch, shared: redis.Redis) -> None:
    """The control: if this fails, the test above proves nothing."""
    blind = mirror.WRITE_IF_NEWER.replace("if version >= tonumber(ARGV[1]) then return 0 end", "")
    monkeypatch.setattr(mirror, "WRITE_IF_NEWER", blind)
    mirror.write(document(5, on=True))

    mirror.write(document(4, on=False))

    assert shared.get("feature:flags:version") == "4"


def test_writers_that_race__versions_only_rise_and_the_last_one_stays(
    make_flag: Callable[..., Flag], turn: Callable[..., Flag], shared: redis.Redis
) -> None:
    for name in ("a.one", "a.two"):
        make_flag(name)
    seen: list[int] = []
    done = threading.Event()

    def write(name: str) -> None:
        for number in range(15):
            turn(name, number % 2 == 0)
        connection.close()

    def watch() -> None:
        while not done.is_set():
            seen.append(int(shared.get("feature:flags:version") or 0))

    watcher = threading.Thread(target=watch)
    writers = [threading.Thread(target=write, args=[name]) for name in ("a.one", "a.two")]
    watcher.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    watcher.join()

    assert seen == sorted(seen)
    assert FlagSet.objects.get().version == 32
    assert shared.get("feature:flags:version") == "32"
    assert shared.hgetall("feature:flags") == {"a.one": "1", "a.two": "1"}
