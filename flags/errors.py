"""What is refused about flags."""

from coupon_site.errors import DomainError


class FlagUnknown(DomainError):
    status = 404
    code = "flag_unknown"
    title = "There is no such flag"


class FlagExists(DomainError):
    code = "flag_exists"
    title = "A flag of this name exists"


class FlagKeyInvalid(DomainError):
    status = 400
    code = "flag_key_invalid"
    title = "A flag's name is made of letters, digits, _ and -, with dots between"


class FlagArchived(DomainError):
    code = "flag_archived"
    title = "An archived flag stays off: restore it first"


class ReasonRequired(DomainError):
    status = 400
    code = "reason_required"
    title = "This flag is protected: say why it is changed"


class DefinitionInvalid(DomainError):
    """`errors` maps the place ("rules[0].variant") to what is wrong there."""

    status = 400
    code = "flag_invalid"
    title = "This can't be a flag"


class ChangedMeanwhile(DomainError):
    status = 412
    code = "flag_changed_meanwhile"
    title = "Somebody else changed this flag in the meantime"


class ApprovalNeeded(DomainError):
    code = "approval_needed"
    title = "This flag is protected: another person has to approve"


class OwnApproval(DomainError):
    status = 403
    code = "own_approval"
    title = "Nobody approves what they planned themselves"


class PlanEnded(DomainError):
    code = "plan_ended"
    title = "This planned change waits no longer"


class PlanInvalid(DomainError):
    status = 400
    code = "plan_invalid"
    title = "This can't be planned"


class ChangeUnknown(DomainError):
    status = 404
    code = "flag_change_unknown"
    title = "There is no such change of this flag"


class NothingBefore(DomainError):
    code = "flag_nothing_before"
    title = "This change made the flag: archive it instead"


class SegmentUnknown(DomainError):
    status = 404
    code = "segment_unknown"
    title = "There is no such segment"


class SegmentInUse(DomainError):
    code = "segment_in_use"
    title = "Rules use this segment"
