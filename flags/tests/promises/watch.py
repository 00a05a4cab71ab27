"""Several processes that check while a test breaks something, and the sum of what they saw."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flags.tests.conftest import wait_until
from flags.tests.promises.members import Seen, check
from tests.crowd import Crowd

PROCESSES = 3


class Watch:
    """Of the processes that check; figures are there once it is over."""

    def __init__(self, folder: Path, watchers: Future[list[Any]]) -> None:
        self.folder = folder
        self._watchers = watchers
        self.seen: Sequence[Seen] = ()

    def wait_for_turn(self, number: int) -> None:
        """Until all processes have seen so many turns of the flag; the first answers are number 0."""
        wait_until(lambda: self._watchers.done() or len([*self.folder.glob(f"turn-{number}-*")]) == PROCESSES)

    def end(self) -> None:
        (self.folder / "stop").touch()
        answers = self._watchers.result(60)
        assert all(isinstance(each, Seen) for each in answers), answers
        self.seen = answers

    @property
    def checks(self) -> int:
        return sum(each.checks for each in self.seen)

    @property
    def failed(self) -> int:
        return sum(each.failed for each in self.seen)

    @property
    def longest(self) -> float:
        """In all processes but one: in the midst of a check, too, a busy machine may stop one of them."""
        return sorted(each.longest for each in self.seen)[-2]

    @property
    def delays(self) -> int:
        """Most in one process, but for one of them, for the same reason."""
        return sorted(each.delays for each in self.seen)[-2]

    def until_seen(self, moments: Sequence[float]) -> list[float]:
        """Seconds from each turn of the flag to its being seen, in each process; none in which that stood still."""
        return [
            at - moment - each.stood_still(moment, at)
            for each in self.seen
            for moment, (at, _) in zip(moments, each.turns[1:], strict=True)  # the first is what it found
        ]

    def sentence(self) -> str:
        return (
            f"{self.checks:,} checks in {PROCESSES} processes, {self.failed} failed, "
            f"longest delay {self.longest * 1000:.0f} ms"
        )


@contextmanager
def watching(crowd: Crowd, *, unguard: Callable[[], object] | None = None, **options: Any) -> Iterator[Watch]:
    """Processes check inside; what they saw is known afterwards."""
    with TemporaryDirectory(prefix="watch-") as folder, ThreadPoolExecutor(1) as pool:
        action = partial(check, folder=folder, **options)
        watch = Watch(Path(folder), pool.submit(crowd.at_once, *[action] * PROCESSES, unguard=unguard))
        try:
            watch.wait_for_turn(0)
            yield watch
        finally:
            watch.end()


def quantiles(seconds: Sequence[float]) -> str:
    """As a sentence has it."""
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    return f"p50 {statistics.median(ordered) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"
