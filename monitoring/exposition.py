"""Who may read the metrics, and in which words they are served."""

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from coupon_site.api import problem_response
from coupon_site.exposition import exposition

BEARER = "Bearer "
MACHINE_FORMATS = ("application/openmetrics-text", "text/plain")


def refuse_reader(request: HttpRequest) -> HttpResponse | None:
    """None for the holder of the metrics token and for staff; the answer to everybody else."""
    if holds_token(request) or (request.user.is_active and request.user.is_staff):
        return None
    if request.user.is_authenticated:
        return problem_response(403, "permission_denied", "For staff only")
    refusal = problem_response(401, "not_authenticated", "Send the metrics token or sign in as staff")
    refusal.headers["WWW-Authenticate"] = "Bearer"
    return refusal


def holds_token(request: HttpRequest) -> bool:
    """Whether the request carries settings.METRICS_TOKEN. How long the comparison takes tells nothing."""
    header = request.headers.get("Authorization", "")
    given = header.removeprefix(BEARER) if header.startswith(BEARER) else ""
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())


def wants_exposition(request: HttpRequest) -> bool:
    """Whether a scraper is asking; people and programs get JSON."""
    accepted = request.headers.get("Accept", "")
    return any(name in accepted for name in MACHINE_FORMATS)


def wants_page(request: HttpRequest) -> bool:
    """Whether a browser is asking; its holder of a token would be a program."""
    return request.get_preferred_type(["application/json", "text/html"]) == "text/html" and not holds_token(request)


def expose(request: HttpRequest) -> HttpResponse:
    """Every series of this process, as OpenMetrics (with exemplars) where that is asked for."""
    body, content_type = exposition(request.headers.get("Accept", ""))
    return HttpResponse(body, content_type=content_type, headers={"Cache-Control": "no-store"})
