"""Fifty routes that answer with the status they are asked for, and both expositions."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django_prometheus.exports import ExportToDjangoView

from benchmarks.trivial import VIEWS
from monitoring.exposition import expose


def answer(request: HttpRequest, status: int) -> HttpResponse:
    return HttpResponse("ok", status=status)


urlpatterns = [
    *(path(f"view-{number}/<int:status>", answer, name=f"view-{number}") for number in range(VIEWS)),
    path("metrics/django-prometheus", ExportToDjangoView),
    path("metrics/ours", expose),
]
