"""What protection asks for: a reason for every change, and a second person for all that lets more happen."""

from flags.definition import Definition
from flags.errors import ApprovalNeeded, ReasonRequired
from flags.services.edits import Edit

# They change no answer.
HARMLESS = frozenset({"description", "owner", "tags", "review_at"})


def needs_approval(edit: Edit) -> bool:
    """Whether a second person has to look at it. Never so for turning a flag off, nor for one that is made."""
    if edit.before is None or not edit.before.protected:
        return False
    return not all(name in HARMLESS or turns_off(name, edit.before, edit.after) for name in edit.changed)


def turns_off(name: str, before: Definition, after: Definition) -> bool:
    """Off, or put away: either way nobody gets it any more."""
    match name:
        case "enabled":
            return not after.enabled
        case "archived_at":
            return before.archived_at is None
    return False


def refuse_unless_allowed(edit: Edit, reason: str) -> None:
    """Raises ReasonRequired, ApprovalNeeded."""
    refuse_silence(edit, reason)
    if needs_approval(edit):
        raise ApprovalNeeded(f"{edit.after.key} is protected: plan this change, and have another person approve it.")


def refuse_silence(edit: Edit, reason: str) -> None:
    """Raises ReasonRequired for a silent change of a protected flag."""
    if edit.before and edit.before.protected and edit.changed and not reason.strip():
        raise ReasonRequired(f"{edit.after.key} is protected: give a reason.")
