"""State machines as tables: which state may follow which is data, a move is one conditional UPDATE."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from coupon_site.errors import IllegalTransition
from coupon_site.models import StateChange
from coupon_site.tracing import request_id


class HasState(Protocol):
    """A model row with a public id, a state, and the table of its moves."""

    TRANSITIONS: ClassVar[Mapping[Any, frozenset[Any]]]
    _meta: ClassVar[Any]
    pk: Any
    public_id: Any
    state: Any


def sources_of(table: Mapping[Any, frozenset[Any]], to: str) -> list[str]:
    """The states from which `to` may be reached."""
    return [str(state) for state, targets in table.items() if to in targets]


@transaction.atomic
def move(row: HasState, to: str, *, actor: AbstractBaseUser | None = None, reason: str = "", **fields: object) -> None:
    """Bring a row into state `to`, with `fields` in the same UPDATE.

    Raises IllegalTransition when the row has left the states that lead to `to`. `actor` None is the system itself.
    The state before is read under the row's lock, so that the history is exact.
    """
    manager = row._meta.default_manager
    before = manager.select_for_update(no_key=True).values_list("state", flat=True).get(pk=row.pk)
    moved = manager.filter(pk=row.pk, state__in=sources_of(row.TRANSITIONS, to)).update(state=to, **fields)
    if not moved:
        raise IllegalTransition(f"{row._meta.verbose_name} is {before}, it can't become {to}", state=before)
    record_change(row, before=before, to=to, actor=actor, reason=reason)
    for name, value in {"state": to, **fields}.items():
        if not hasattr(value, "resolve_expression"):
            setattr(row, name, value)


def record_change(row: HasState, *, before: str, to: str, actor: AbstractBaseUser | None, reason: str) -> None:
    """Append one line to the row's history."""
    StateChange.objects.create(
        model=row._meta.label_lower,
        object_id=row.public_id,
        from_state=before,
        to_state=to,
        actor_id=actor.pk if actor else None,
        reason=reason[:200],
        request_id=request_id.get(),
    )
