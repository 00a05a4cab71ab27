"""`/ofrep/v1/`: the protocol's two addresses, without a slash at their end."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from accounts.models import User
from coupon_site.api import OrjsonParser, OrjsonRenderer
from flags.ofrep import description
from flags.ofrep.callers import Caller, caller_of, callers
from flags.ofrep.protocol import Refusal, answer_all, answer_one, context_of, etag_of, freshness, is_known
from flags.ofrep.throttle import PerCaller

CODES = {400: "PARSE_ERROR"}
# Pages of the allowed origins may ask, with a token or the visitor's session.
CROSS_ORIGIN = {
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match, X-API-Key",
    "Access-Control-Expose-Headers": "ETag, Retry-After",
    "Access-Control-Max-Age": "600",
}


class KnownToken(BaseAuthentication):
    """`Authorization: Bearer <API token>`, or the same as `X-API-Key`."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token if scheme == "Bearer" else request.headers.get("X-API-Key", "")
        if not token.strip():
            return None
        caller = callers.of_token(token.strip())
        if caller is None:
            raise exceptions.AuthenticationFailed("The token is unknown or revoked.")
        return caller, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class KnownTokenScheme(OpenApiAuthenticationExtension):
    target_class = KnownToken
    name = ["ofrepBearer", "ofrepApiKey"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [{"type": "http", "scheme": "bearer"}, {"type": "apiKey", "in": "header", "name": "X-API-Key"}]


class SignedIn(SessionAuthentication):
    """A browser's session. Nothing is written here, so that a foreign page gains nothing by asking."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        user: User | None = getattr(request._request, "user", None)
        return (caller_of(user), None) if user and user.is_authenticated and user.is_active else None


class SignedInScheme(OpenApiAuthenticationExtension):
    target_class = SignedIn
    name = "ofrepSession"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "session"}


class JsonAlways(BaseContentNegotiation):
    """There is one form of answer, whatever a client would rather have."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        kind = (request.content_type or "application/json").partition(";")[0].strip().lower()
        return parsers[0] if kind == "application/json" else None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> tuple[Any, str]:
        return renderers[0], "application/json"


class OfrepView(APIView):
    authentication_classes = [KnownToken, SignedIn]
    permission_classes = [IsAuthenticated]
    throttle_classes = [PerCaller]
    parser_classes = [OrjsonParser]
    renderer_classes = [OrjsonRenderer]
    content_negotiation_class = JsonAlways
    http_method_names = ["post", "options"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "OPTIONS":  # a browser asks without saying for whom
            super().initial(request, *args, **kwargs)

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]  # as DRF's own
        return Response(status=204, headers={"Allow": "POST, OPTIONS"})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        origin = request.headers.get("Origin", "")
        if origin.lower() in settings.REALTIME_ALLOWED_ORIGINS:
            for name, text in {"Access-Control-Allow-Origin": origin, **CROSS_ORIGIN}.items():
                answer.headers[name] = text
        patch_vary_headers(answer, ["Origin"])
        return answer

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return refuse

    def context_in(self, request: Request) -> Mapping[str, Any]:
        return context_of(request.data) if request._request.body else {}


class EvaluateFlagView(OfrepView):
    @extend_schema(**description.ONE)
    def post(self, request: Request, key: str) -> Response:
        return Response(answer_one(key, self.context_in(request), caller=cast(Caller, request.user)))


class EvaluateFlagsView(OfrepView):
    @extend_schema(**description.ALL)
    def post(self, request: Request) -> HttpResponseBase:
        context = self.context_in(request)
        freshness.reach(request.query_params.get("flagConfigEtag", ""))
        body = answer_all(context, caller=cast(Caller, request.user))
        etag = etag_of(body)
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        # By hand: Django would answer 412 to a POST, as to a write.
        if is_known(etag, request.headers.get("If-None-Match", "")):
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(body, content_type="application/json", headers=headers)


def refuse(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler, in the protocol's shape; a defect stays a 500."""
    headers: dict[str, str] = {}
    match error:
        case Refusal():
            refusal = error
        case exceptions.APIException():
            refusal = Refusal(error.status_code, CODES.get(error.status_code, "GENERAL"), str(error.detail))
            if challenge := getattr(error, "auth_header", None):
                headers["WWW-Authenticate"] = challenge
            if (wait := getattr(error, "wait", None)) is not None:
                headers["Retry-After"] = str(max(1, round(wait)))
        case OperationalError() | InterfaceError():
            refusal = Refusal(503, "GENERAL", "Who asks can't be looked up now.")
            headers["Retry-After"] = "5"
        case _:
            return None
    set_rollback()
    return Response(refusal.body, status=refusal.status, headers=headers)
