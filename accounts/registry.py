"""Who is told when somebody's rights change: apps above register here, so that this one knows none of them."""

from collections.abc import Callable, Sequence
from uuid import UUID

RightsObserver = Callable[[Sequence[UUID]], None]

rights_observers: list[RightsObserver] = []


def watches_rights(observer: RightsObserver) -> RightsObserver:
    """Call the function with the public ids of users whose rights have changed, after the commit."""
    rights_observers.append(observer)
    return observer
