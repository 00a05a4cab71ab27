"""Timed work that one process of many does: expiries, payouts, reconciliation, cleaning."""

import logging
import threading
import time
from collections.abc import Mapping

from django.db import close_old_connections, connection

from events.leadership import Leadership
from events.registry import Sweep, registry
from events.services.counting import count_task

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5
STANDBY_SECONDS = 2.0


class Sweeper(threading.Thread):
    """Runs the sweeps whose time has come, while this process holds their lock."""

    def __init__(self, sweeps: Mapping[str, Sweep]) -> None:
        super().__init__(name="sweeper", daemon=True)
        self.sweeps = sweeps
        self.leadership = Leadership("sweeps", silence_seconds=0)  # a sweep may take long, and says nothing meanwhile
        self.stopped = threading.Event()
        self.due: dict[str, float] = {}

    def run(self) -> None:
        pause = 0.0
        while not self.stopped.wait(pause):
            leads = self.leadership.hold()
            if leads:
                self.sweep_due(now=time.monotonic())
            else:
                self.due.clear()
            pause = TICK_SECONDS if leads else STANDBY_SECONDS
        self.leadership.resign()
        connection.close()

    def stop(self) -> None:
        """End after the sweep at hand."""
        self.stopped.set()

    def sweep_due(self, *, now: float) -> None:
        """Run every sweep whose time has come; a new leader runs all of them."""
        for sweep in self.sweeps.values():
            if self.due.get(sweep.name, now) <= now and not self.stopped.is_set():
                self.due[sweep.name] = now + sweep.every.total_seconds()
                run_sweep(sweep)


def run_sweep(sweep: Sweep) -> None:
    """Run one sweep; what goes wrong is logged, and tried again at the next time."""
    close_old_connections()
    started = time.perf_counter()
    try:
        with registry.unit_of_work():
            done = sweep.function()
    except Exception:
        count_task(sweep.name, status="failed")
        logger.exception("%s failed", sweep.name)
    else:
        count_task(sweep.name, status="success", seconds=[time.perf_counter() - started])
        logger.info("%s: %s done", sweep.name, done)
    finally:
        close_old_connections()
