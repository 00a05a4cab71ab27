"""Provisional."""

from collections.abc import Callable

INVARIANTS: dict[str, Callable[[], int]] = {}
