"""Why somebody gets what they get, as the page shows it."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import User
from coupon_site.errors import DomainError
from flags.admin.audience import context_of
from flags.admin.words import said
from flags.answers import Cause, Reason
from flags.context import Context
from flags.definition import Definition
from flags.errors import FlagUnknown
from flags.explanation import Step, explain

VERDICTS = {True: "yes", False: "no", None: "skipped"}
TITLES = {
    "switch": "Switch",
    "prerequisite": "Needs",
    "override": "Override",
    "rule": "Rule",
    "window": "Time",
    "segment": "Segment",
    "share": "Share",
}


REASONS = {
    Reason.STATIC: "everybody gets this.",
    Reason.TARGETING_MATCH: "a rule fits.",
    Reason.SPLIT: "a share or a split hits.",
    Reason.DEFAULT: "no rule fits.",
    Reason.DISABLED: "the flag is off.",
    Reason.ERROR: "it could not be worked out.",
}
CAUSES: dict[str, str] = {
    Cause.NO_KEY: "a share was to be drawn, and nobody knows for whom.",
    Cause.PREREQUISITE: "a prerequisite is not met.",
    Cause.OVERRIDE: "an override says so.",
}


class FieldUnreadable(DomainError):
    status = 400
    code = "field_unreadable"
    title = "Fields are written one per line, as name: value"


def explained(draft: Definition, *, who: str, more: Iterable[str]) -> dict[str, Any]:
    """The answer of a draft to one person (an e-mail, an id, or nobody), with its steps."""
    subject, known = person(who.strip())
    context = {**known, **fields(more)}
    found = explain(draft.key, context, draft=draft)
    if found is None:
        raise FlagUnknown
    answer = found.evaluation
    return {
        "subject": subject,
        "value": answer.value,
        "variant": answer.variant,
        "reason": CAUSES.get(str(answer.metadata["cause"])) or REASONS[answer.reason],
        "steps": [shown(step, draft) for step in found.steps[:-1]],
        "context": [(name, str(value)) for name, value in context.items()],
    }


def person(who: str) -> tuple[str, Context]:
    """How they are called, and what is known of them. Somebody unknown is a targeting key and nothing else."""
    if not who:
        return "Somebody who is not signed in", {}
    users = User.objects.prefetch_related("groups")
    if "@" in who:
        user = users.filter(email__iexact=who).first()
        if user is None:
            raise FieldUnreadable(f"There is no customer {who}.")
    else:
        try:
            user = users.filter(public_id=who).first()
        except ValidationError:
            user = None
    return (user.email, context_of(user)) if user else (who, {"targetingKey": who})


def fields(lines: Iterable[str]) -> Context:
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise FieldUnreadable(f"{line!r} is not name: value.")
        found[name.strip()] = value.strip()
    return found


def shown(step: Step, draft: Definition) -> dict[str, Any]:
    """A rule without a name is called what it does."""
    names = {rule.id: rule.name or said(rule) for rule in draft.rules}
    name = names.get(step.name, step.name) if step.kind == "rule" else step.name
    return {
        "verdict": VERDICTS[step.verdict],
        "text": " ".join(filter(None, [TITLES.get(step.kind, ""), name])),
        "why": step.why,
        "parts": [shown(part, draft) for part in step.parts],
    }
