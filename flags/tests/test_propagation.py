"""What carries flags through Redis: versions only rise, whoever comes late."""

import threading
from collections.abc import Callable

import pytest
import redis
from django.db import connection

from flags import mirror
from flags.document import Document, FlagState
from flags.models import Flag, FlagSet

pytestmark = pytest.mark.django_db(transaction=True)


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
