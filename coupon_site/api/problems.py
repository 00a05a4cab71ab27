"""Errors as RFC 9457 problem documents with stable codes."""

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from coupon_site.errors import DomainError

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
UNAVAILABLE = "The database can't be reached now: try again in a few seconds"

View = Callable[..., HttpResponseBase]


class ProblemOut(serializers.Serializer[Any]):
    """A problem document."""

    type = serializers.CharField(help_text="about:blank: the code says what it is")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable, for programs")
    detail = serializers.CharField(help_text="For people: what is wrong and what to do")
    errors = serializers.DictField(  # type: ignore[assignment]  # the name is the document's
        required=False, help_text="Field name → list of messages, on invalid input"
    )


PROBLEM_RESPONSES = {
    ("400", CONTENT_TYPE): ProblemOut,
    ("401", CONTENT_TYPE): ProblemOut,
    ("403", CONTENT_TYPE): ProblemOut,
    ("404", CONTENT_TYPE): ProblemOut,
    ("429", CONTENT_TYPE): ProblemOut,
}


def problem(status: int, code: str, title: str, detail: str = "", **more: object) -> dict[str, object]:
    """The body of a problem document."""
    return {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail or title, **more}


def problem_of(refusal: DomainError) -> dict[str, object]:
    """The body of a refusal."""
    return problem(refusal.status, refusal.code, refusal.title, refusal.detail, **refusal.context)


def problem_response(status: int, code: str, title: str, detail: str = "", **more: object) -> HttpResponse:
    """A problem document from outside of REST framework."""
    body = orjson.dumps(problem(status, code, title, detail, **more), default=str)
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE)


def problem_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler: refusals, validation and HTTP errors in one shape; a defect stays a 500."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, DomainError):
        return answer(problem_of(error), headers=retry_header(error.context.get("retry_after")))
    if isinstance(error, InterfaceError | OperationalError):
        logger.warning("The database can't do what was asked: %s", error)
        return answer(problem(503, "unavailable", UNAVAILABLE), headers=retry_header(5))
    if not isinstance(error, exceptions.APIException):
        return None
    return answer(body_of(error), headers=headers_of(error, context.get("request")))


def body_of(error: exceptions.APIException) -> dict[str, object]:
    """The problem document of one of REST framework's own errors."""
    if isinstance(error, exceptions.ValidationError):
        detail = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
        return problem(400, "invalid", "The input is not valid", "See `errors` for each field.", errors=named(detail))
    code = error.default_code if isinstance(error.detail, dict | list) else error.detail.code
    return problem(error.status_code, str(code), HTTPStatus(error.status_code).phrase, str(error.detail))


def named(errors: Any) -> Any:
    """The same errors with places in lists as names: JSON knows no other."""
    if isinstance(errors, dict):
        return {str(name): named(error) for name, error in errors.items()}
    return errors


def headers_of(error: exceptions.APIException, request: Request | None) -> dict[str, str]:
    """Challenge and Retry-After, where the error has them."""
    headers = retry_header(getattr(error, "wait", None))
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    return headers


def retry_header(seconds: object) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(seconds)))} if isinstance(seconds, int | float) else {}


def answer(body: dict[str, object], *, headers: dict[str, str]) -> Response:
    set_rollback()
    status = body["status"]
    assert isinstance(status, int)  # noqa: S101  problem() took it as an int
    return Response(body, status=status, headers=headers, content_type=CONTENT_TYPE)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404`."""
    return problem_response(404, "not_found", "Not found", "There is nothing at this address.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400`: too large bodies, unknown hosts, malformed forms."""
    return problem_response(400, "bad_request", "Bad request", type(exception).__name__)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`."""
    return problem_response(403, "permission_denied", "You may not do this")


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`."""
    return problem_response(500, "server_error", "Something went wrong on our side", "It is logged; try again later.")


def only(*methods: str) -> Callable[[View], View]:
    """Let a plain view answer these methods; any other gets a 405 problem document."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method in methods:
                return view(request, *args, **kwargs)
            refusal = problem_response(405, "method_not_allowed", f"Use {' or '.join(methods)} here")
            refusal.headers["Allow"] = ", ".join(methods)
            return refusal

        vars(checked)["methods"] = frozenset(methods)  # request metrics ask for it
        return checked

    return decorate
