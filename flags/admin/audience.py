"""Who would get what: a flag as it is being edited, asked for customers that there are."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from flags.admin.cells import colour
from flags.admin.rollout import variant_names
from flags.answers import Answer
from flags.context import Context
from flags.definition import Definition, Targeting
from flags.document import FlagState
from flags.queries import read_document
from flags.snapshot import Snapshot, snapshot_of

PEOPLE = 1000
EXAMPLES = 3


def customers() -> QuerySet[User]:
    """Those who came last."""
    return User.objects.filter(is_active=True, is_staff=False).order_by("-pk").prefetch_related("groups")[:PEOPLE]


def context_of(user: User) -> Context:
    """What a request of theirs would know of them."""
    key = str(user.public_id)
    return {
        "targetingKey": key,
        "userId": key,
        "emailDomain": user.email.rpartition("@")[2],
        "isStaff": user.is_staff,
        "groups": sorted(group.name for group in user.groups.all()),
    }


def state_of(definition: Definition, *, enabled: bool) -> FlagState:
    fields = {name: getattr(definition, name) for name in Targeting.__struct_fields__}
    return FlagState(**{**fields, "enabled": enabled, "version": 0})


def answers(flags: Snapshot, key: str, state: FlagState, contexts: Iterable[Context]) -> list[Answer]:
    compiled = flags.with_flag(key, state).flag(key)
    return [compiled.answer(context) for context in contexts] if compiled else []


def audience(draft: Definition, saved: Definition | None) -> dict[str, Any]:
    """How many of the newest customers get which variant, some by name, and for how many that is a change."""
    people = list(customers())
    contexts = [context_of(user) for user in people]
    flags, key = snapshot_of(read_document()), draft.key or "new"
    would = answers(flags, key, state_of(draft, enabled=True), contexts)
    now = answers(flags, key, state_of(saved, enabled=True), contexts) if saved else []
    counts = Counter(answer.variant for answer in would)
    examples: dict[str, list[str]] = defaultdict(list)
    for user, answer in zip(people, would, strict=True):
        if len(examples[answer.variant]) < EXAMPLES:
            examples[answer.variant].append(user.email)
    names = variant_names(draft)
    return {
        "people": len(people),
        "enabled": draft.enabled,
        "parts": [
            {
                "text": f"would get {variant or 'the default of the code'}",
                "count": counts[variant],
                "percent": round(100 * counts[variant] / len(people), 1),
                "colour": colour(variant, names),
                "examples": examples[variant],
            }
            for variant in sorted(counts, key=lambda name: order(name, names))
        ],
        "moved": sum(a.variant != b.variant for a, b in zip(would, now, strict=True)) if saved else None,
    }


def order(variant: str, names: tuple[str, ...]) -> int:
    return names.index(variant) if variant in names else len(names)
