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
