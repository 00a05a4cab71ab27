"""The page that makes a phone a till."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from vouchers.views.privacy import private


@require_safe
def scan_page(request: HttpRequest) -> HttpResponse:
    """Static: who scans, and what came of it, stays between the phone and the API."""
    return private(render(request, "vouchers/scan.html"))
