"""Views and templates behind a flag."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.http import Http404, HttpRequest, HttpResponse
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from flags import flag_required, override_flags
from flags.permissions import flag_enabled

Call = Callable[..., HttpResponse]


def render(source: str, **values: Any) -> str:
    return Template("{% load flags %}" + source).render(Context(values))


@pytest.mark.parametrize(("on", "shown"), [(True, "new page"), (False, "old page")])
def test_tag__shows_one_of_two(on: bool, shown: str) -> None:
    with override_flags({"shop.new": on}):
        assert render('{% flag "shop.new" %}new {{ what }}{% else %}old {{ what }}{% endflag %}', what="page") == shown


def test_tag_without_else__shows_nothing_while_off() -> None:
    with override_flags({"shop.new": False}):
        assert render("a{% flag name %}new{% endflag %}z", name="shop.new") == "az"


@pytest.mark.parametrize("source", ["{% flag %}{% endflag %}", "{% flag a b %}{% endflag %}", '{% flag "a" %}'])
def test_tag_that_is_not_whole__is_refused(source: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="flag"):
        render(source)


@flag_required("shop.new")
def page(request: HttpRequest, number: int = 0) -> HttpResponse:
    return HttpResponse(f"page {number}")


@flag_required("shop.new")
async def soon(request: HttpRequest, number: int = 0) -> HttpResponse:
    return HttpResponse(f"page {number}")


class Api(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny, flag_enabled("shop.new"))

    def get(self, request: Any, number: int = 0) -> Response:
        return Response(f"page {number}")


@pytest.mark.parametrize(
    "call",
    [page, lambda request, **given: asyncio.run(soon(request, **given))],
    ids=["sync", "async"],
)
def test_view_behind_a_flag__is_there_while_it_is_on(call: Call) -> None:
    with override_flags({"shop.new": True}):
        assert call(RequestFactory().get("/"), number=7).content == b"page 7"

    with override_flags({"shop.new": False}), pytest.raises(Http404):
        call(RequestFactory().get("/"))


def test_view_with_another_place_to_go__redirects() -> None:
    view = flag_required("shop.new", redirect_to="/old/")(page)

    with override_flags({"shop.new": False}):
        assert view(RequestFactory().get("/")).headers["Location"] == "/old/"


@pytest.mark.parametrize(("on", "status"), [(True, 200), (False, 404)])
def test_permission__hides_the_view_while_it_is_off(on: bool, status: int) -> None:
    with override_flags({"shop.new": on}):
        assert Api.as_view()(APIRequestFactory().get("/")).status_code == status
