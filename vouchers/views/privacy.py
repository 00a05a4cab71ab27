"""Headers of pages whose address is a secret."""

from django.http import HttpResponse

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PRIVATE = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


def private(response: HttpResponse) -> HttpResponse:
    """The link is a secret: no cache keeps the page, no other site learns its address."""
    for name, value in PRIVATE.items():
        response.headers.setdefault(name, value)
    return response
