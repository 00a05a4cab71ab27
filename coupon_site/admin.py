"""What every app's admin screens share."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.admin import helpers
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from coupon_site.models import StateChange

Row = TypeVar("Row", bound=Model)
BulkAction = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]

CONFIRMED = "confirmed"
NAMED = 10
PASSED_ON = ["action", "index", "select_across", helpers.ACTION_CHECKBOX_NAME]


def row_or_404(rows: QuerySet[Row], object_id: object) -> Row:
    """The row that an address names: people type those too. Raises Http404."""
    try:
        return rows.get(pk=object_id)
    except (ObjectDoesNotExist, ValueError, ValidationError):
        raise Http404(f"There is no {rows.model._meta.verbose_name} {object_id}") from None


def preformatted(text: str) -> SafeString:
    """Text as it is, in lines that break where they have to."""
    return format_html('<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', text)


def asks_first(warning: str) -> Callable[[BulkAction], BulkAction]:
    """For an action of a list that can't be undone: a page says what it does, and to which rows, before it is done."""

    def decorate(act: BulkAction) -> BulkAction:
        @wraps(act)
        def ask(screen: Any, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
            if CONFIRMED in request.POST:
                return act(screen, request, rows)
            count = rows.count()
            sent = [(name, value) for name in PASSED_ON for value in request.POST.getlist(name)]
            context = {
                **screen.admin_site.each_context(request),
                "opts": screen.opts,
                "title": f"{count} {screen.opts.verbose_name if count == 1 else screen.opts.verbose_name_plural}",
                "warning": warning,
                "action": getattr(ask, "short_description", act.__name__),
                "rows": rows[:NAMED],
                "more": max(0, count - NAMED),
                "sent": [*sent, (CONFIRMED, "yes")],
            }
            return TemplateResponse(request, "coupon_site/asks_first.html", context)

        return ask

    return decorate


class ReadOnly:
    """Rows that only services write: to look at, what can be done is an action. For screens and inlines."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class StateHistory(ModelAdmin):
    """Shows below a row who moved it when from which state to which, and why."""

    change_form_after_template = "coupon_site/state_history.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        table = history_of(row.public_id) if row else None
        context = {**(extra_context or {}), "state_history": table}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response


def history_of(public_id: UUID) -> dict[str, list[Any]]:
    """Every move of a row, the oldest first, as the admin's table component takes it."""
    changes = StateChange.objects.filter(object_id=public_id).select_related("actor").order_by("id")
    return {
        "headers": ["When", "From", "To", "By", "Why", "Request"],
        "rows": [
            [
                f"{change.created_at:%Y-%m-%d %H:%M:%S} UTC",
                change.from_state,
                change.to_state,
                change.actor or "system",
                change.reason,
                change.request_id,
            ]
            for change in changes
        ],
    }
