"""Who may change which flags: by a permission everywhere, or below a prefix by a grant to one of their groups."""

from dataclasses import dataclass
from typing import Self

from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from flags.models import NamespaceGrant


@dataclass(frozen=True, slots=True)
class Rights:
    """One user's; two statements at most, for any number of flags."""

    changes_all: bool
    approves_all: bool
    changes: frozenset[str] = frozenset()
    approves: frozenset[str] = frozenset()

    @classmethod
    def of(cls, user: User | AnonymousUser) -> Self:
        if not isinstance(user, User) or not user.is_active:
            return cls(changes_all=False, approves_all=False)
        changes_all, approves_all = user.has_perm("flags.change_flag"), user.has_perm("flags.approve_plannedchange")
        if changes_all and approves_all:
            return cls(changes_all=True, approves_all=True)
        grants = list(NamespaceGrant.objects.filter(group__user=user).values_list("namespace", "may_approve"))
        return cls(
            changes_all,
            approves_all,
            frozenset(namespace for namespace, _ in grants),
            frozenset(namespace for namespace, may_approve in grants if may_approve),
        )

    @property
    def changes_any(self) -> bool:
        """Whether there may be a flag that they may change."""
        return self.changes_all or bool(self.changes)

    def may_change(self, key: str) -> bool:
        return self.changes_all or not self.changes.isdisjoint(namespaces_of(key))

    def may_approve(self, key: str) -> bool:
        return self.approves_all or not self.approves.isdisjoint(namespaces_of(key))


def may_change(user: User | AnonymousUser, key: str) -> bool:
    """Whether this user may change, make or put away the flag of this name."""
    return Rights.of(user).may_change(key)


def may_approve(user: User | AnonymousUser, key: str) -> bool:
    """Whether this user may approve what others plan for the flag; never their own, which the service refuses."""
    return Rights.of(user).may_approve(key)


def namespaces_of(key: str) -> list[str]:
    """Of a.b.c: a, a.b and a.b.c."""
    parts = key.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
