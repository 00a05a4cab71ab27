"""Who is in a segment as it is being edited."""

from collections.abc import Mapping
from typing import Any

from flags.admin.audience import EXAMPLES, context_of, customers
from flags.operators import question
from flags.queries import constraints_of
from flags.services.segments import checked


def members(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Of the newest customers. Raises DefinitionInvalid."""
    plain = checked({**fields, "key": fields.get("key") or "new"})
    questions = [question(constraint) for constraint in constraints_of(plain["constraints"])]
    people = list(customers())
    inside: list[str] = []
    outside: list[str] = []
    for user in people:
        context = context_of(user)
        (inside if all(ask(context) for ask in questions) else outside).append(user.email)
    groups = (("are in it", "on", inside), ("are not", "off", outside))
    return {
        "people": len(people),
        "enabled": True,
        "moved": None,
        "parts": [
            {
                "text": text,
                "count": len(emails),
                "percent": round(100 * len(emails) / len(people), 1),
                "colour": colour,
                "examples": emails[:EXAMPLES],
            }
            for text, colour, emails in groups
            if emails
        ],
    }
