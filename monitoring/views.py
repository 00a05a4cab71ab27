"""Pages and probes: metrics, health, the hour's window, the live dashboard."""

from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import login_not_required, permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from redis.exceptions import RedisError

from accounts.models import User
from coupon_site import health
from coupon_site.api import only, problem_response
from monitoring import services, window
from monitoring.exposition import expose, refuse_reader, wants_exposition, wants_page
from monitoring.queries import benchmark, dashboard, figures
from monitoring.queries.invariants import Finding, reconcile

# Everything comes from this site; nothing is written into the page that a browser would run.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "font", "img", "connect")),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


@login_not_required
@only("GET", "HEAD")
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus."""
    return refuse_reader(request) or expose(request)


@login_not_required
@only("GET", "HEAD")
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. Nothing else is asked: a database that is away must not restart the fleet."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@only("GET", "HEAD")
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether the process can do its work now, and what it lacks."""
    report = health.readyz()
    return JsonResponse(report.as_dict(), status=200 if report.ok else 503)


@login_not_required
@never_cache
@only("GET", "HEAD")
def current_metrics(request: HttpRequest) -> HttpResponse:
    """The figures of the moment as JSON; a scraper gets the exposition."""
    if refusal := refuse_reader(request):
        return refusal
    return expose(request) if wants_exposition(request) else JsonResponse(figures.sample(timezone.now()))


@login_not_required
@never_cache
@only("GET", "HEAD")
def benchmark_report(request: HttpRequest) -> HttpResponse:
    """How the last hour went: a page for people, JSON for programs."""
    if wants_page(request):
        return benchmark_page(request)
    if refusal := refuse_reader(request):
        return refusal
    try:
        return JsonResponse(benchmark.report(timezone.now()))
    except RedisError:
        return problem_response(503, "window_unavailable", "The last hour's figures can't be reached now")


@staff_member_required
def benchmark_page(request: HttpRequest) -> HttpResponse:
    """The same, drawn."""
    context: dict[str, Any] = {"report": None, "history": []}
    with suppress(RedisError):
        report = benchmark.report(timezone.now())
        context = {
            "report": report,
            "sampled_at": window.sampled_at(),
            "failed_percent": 100 * report["error_rate"],
            "percentiles": benchmark.percentiles(),
            "history": benchmark.lines(),
        }
    page = render(request, "monitoring/benchmark.html", context, status=200 if context["report"] else 503)
    page.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return page


@login_not_required
@only("POST")
def clear_metrics(request: HttpRequest) -> HttpResponse:
    """Empty the window of the last hour. Counters of Prometheus stay what they are."""
    user = request.user
    if not isinstance(user, User):
        return problem_response(401, "not_authenticated", "Sign in first")
    if not (user.is_staff and user.has_perm("monitoring.clear_window")):
        return problem_response(403, "permission_denied", "You may not clear the figures")
    try:
        return JsonResponse({"removed_keys": services.clear_window(actor=user, at=timezone.now())})
    except RedisError:
        return problem_response(503, "window_unavailable", "The last hour's figures can't be reached now")


@never_cache
@only("GET", "HEAD")
@ensure_csrf_cookie
@staff_member_required
def live_dashboard(request: HttpRequest) -> HttpResponse:
    """The site, live."""
    context: dict[str, Any] = {
        "initial": dashboard.state(request.user, timezone.now()),
        "may_change_flags": request.user.has_perm("flags.change_flag"),
        "may_see_alerts": request.user.has_perm("monitoring.view_alert"),
    }
    page = render(request, "monitoring/dashboard.html", context)
    page.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return page


@never_cache
@only("GET", "HEAD")
@staff_member_required
@permission_required("monitoring.view_reconciliation", raise_exception=True)
def reconciliation(request: HttpRequest) -> HttpResponse:
    """Whether every invariant holds, asked of the database now; what is broken comes first."""
    findings = sorted(reconcile(), key=lambda finding: finding.holds)
    context = {
        **admin.site.each_context(request),
        "title": "Reconciliation",
        "asked_at": timezone.now(),
        "broken": sum(not finding.holds for finding in findings),
        "table": {
            "headers": ["Result", "App", "Check", "Rows that fail it"],
            "rows": [[verdict(finding), *row(finding)] for finding in findings],
        },
    }
    return render(request, "monitoring/reconciliation.html", context)


def row(finding: Finding) -> list[str | int]:
    return [finding.app.capitalize(), finding.invariant.replace("_", " "), finding.broken_rows]


def verdict(finding: Finding) -> SafeString:
    """A badge that says it by word and colour."""
    return render_to_string(
        "unfold/helpers/label.html",
        {"text": "OK" if finding.holds else "Broken", "type": "success" if finding.holds else "danger"},
    )


@login_not_required
@only("GET", "HEAD")
def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for it on pages that name no icon of their own."""
    return redirect(static("monitoring/icon.svg"))


@login_not_required
@never_cache
@only("GET", "HEAD")
def dashboard_state(request: HttpRequest) -> HttpResponse:
    """What the dashboard shows, for a page that has been cut off for a while."""
    user = request.user
    if not isinstance(user, User) or not user.is_staff:
        return problem_response(401 if user.is_anonymous else 403, "permission_denied", "For staff only")
    return JsonResponse(dashboard.state(user, timezone.now()))
