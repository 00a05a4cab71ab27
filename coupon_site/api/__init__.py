"""How every endpoint answers: problem+json, cursor pages, idempotency keys, strict input, throttles."""

from coupon_site.api.idempotency import idempotent
from coupon_site.api.input import OrjsonParser, OrjsonRenderer, StrictSerializer
from coupon_site.api.pages import CursorPage
from coupon_site.api.problems import PROBLEM_RESPONSES, ProblemOut, only, problem_exception_handler, problem_response
from coupon_site.api.views import PublicIdLookup

__all__ = [
    "PROBLEM_RESPONSES",
    "CursorPage",
    "OrjsonParser",
    "OrjsonRenderer",
    "ProblemOut",
    "PublicIdLookup",
    "StrictSerializer",
    "idempotent",
    "only",
    "problem_exception_handler",
    "problem_response",
]
