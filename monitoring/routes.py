"""Which series a request belongs to: the method and route that answer it, never what a visitor can invent."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, resolve

METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
FORM_METHODS: Final = frozenset({"GET", "POST"})
OTHER: Final = "OTHER"
UNMATCHED: Final = "unmatched"
STATIC: Final = "static"

NAMED_GROUP = re.compile(r"\(\?P<(\w+)>(?:[^()\\]|\\.|\[[^\]]*\]|\([^()]*\))*\)")
CONVERTER = re.compile(r"<\w+:(\w+)>")
ANCHORS = re.compile(r"\^|\$|\\Z")
# Screens and actions that are many, and seldom used: one series for each kind of them.
FOLDED: Final = (
    (re.compile(r"^/admin/(?!login)(\w+/)?$"), "/admin/"),
    (re.compile(r"^/admin/(?!login)(<\w+>/?|r/.*)$"), "/admin/"),
    (re.compile(r"^/admin/\w+/\w+/([\w-]+/)?$"), "/admin/<model>/"),
    (re.compile(r"^/admin/\w+/\w+/<\w+>/.*$"), "/admin/<model>/<id>/<action>/"),
    (re.compile(r"^(/api/v1/(?!orders/|sales/)[\w/-]+/<id>/)[^/]+/$"), r"\1<action>/"),
    (re.compile(r"^(/api/v1/flags/(?:<name>|plans/<id>)/)[^/]+$"), r"\1<action>"),
    (re.compile(r"^/sandbox/.*$"), "/sandbox/"),
)


def route_of(request: HttpRequest, status: int) -> tuple[str, str]:
    """Method and route, as label values. What no view takes belongs to no route."""
    method = "GET" if request.method == "HEAD" else request.method or OTHER
    match = request.resolver_match or (resolved(request) if status >= 500 else None)
    if match is None:
        path = STATIC if request.path.startswith(settings.STATIC_URL) else UNMATCHED
        return (method if method in FORM_METHODS else OTHER), path
    if not takes(match.func, method):
        return OTHER, UNMATCHED
    return method, template_of(match.route)


def resolved(request: HttpRequest) -> ResolverMatch | None:
    """Where a request would have gone that failed before it got there."""
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


@cache
def takes(view: Callable[..., Any], method: str) -> bool:
    """Whether a view has an answer of its own to a method: one out of a closed list."""
    if method not in METHODS:
        return False
    if actions := getattr(view, "actions", None):
        return method.lower() in actions
    if kind := getattr(view, "cls", None) or getattr(view, "view_class", None):
        return hasattr(kind, method.lower())
    return method in getattr(view, "methods", FORM_METHODS)


@cache
def template_of(route: str) -> str:
    """`api/v1/^orders/(?P<id>[^/.]+)/$` and `api/v1/orders/<uuid:id>/` as `/api/v1/orders/<id>/`."""
    plain = ANCHORS.sub("", NAMED_GROUP.sub(r"<\1>", route))
    template = "/" + CONVERTER.sub(r"<\1>", plain).replace("\\", "").removesuffix("?")
    for folded, into in FOLDED:
        template = folded.sub(into, template)
    return template
