"""Refusals of payments."""

from coupon_site.errors import DomainError


class ProviderUnavailable(DomainError):
    status = 503
    code = "provider_unavailable"
    title = "The payment provider can't be reached"


class ProviderRefused(DomainError):
    code = "provider_refused"
    title = "The payment provider refused the request"


class ReportMismatch(DomainError):
    code = "report_mismatch"
    title = "The provider's report does not fit the payment"


class PaymentInProgress(DomainError):
    code = "payment_in_progress"
    title = "A payment for this is already under way or done"


class NotAuthorized(DomainError):
    code = "not_authorized"
    title = "The payment has no authorisation that waits to be captured"


class NotVoidable(DomainError):
    code = "not_voidable"
    title = "The payment can't be called off any more"


class PaymentContested(DomainError):
    code = "payment_contested"
    title = "The payer's bank contests the payment: nothing is given back beside it"


class RefundTooLarge(DomainError):
    code = "refund_too_large"
    title = "More than what is left of the payment"


class RefundKeyReused(DomainError):
    status = 422
    code = "refund_key_reused"
    title = "This key was used for another refund"


class WebhookRefused(DomainError):
    """A webhook that is not taken; `reason` is the metric's label."""

    status = 400
    code = "webhook_refused"
    title = "The webhook was not accepted"

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail, reason=reason)
        self.reason = reason
