"""Run as a process: prints the median seconds of a check with 500 flags."""

import statistics
import time
import timeit

import django

django.setup()

from flags import is_enabled  # noqa: E402
from flags.current import current  # noqa: E402
from flags.document import Document, FlagState  # noqa: E402

current.install(Document(1, {f"area.flag_{n}": FlagState(enabled=True, version=1) for n in range(500)}))
current._due = time.monotonic() + 3600
runs = timeit.repeat('is_enabled("area.flag_250")', globals={"is_enabled": is_enabled}, number=1000, repeat=300)
print(statistics.median(runs) / 1000)  # noqa: T201
