"""What can be done on the page of one row."""

from collections.abc import Callable

from django.http import HttpResponse
from unfold.decorators import action

DialogAction = Callable[..., HttpResponse]


def button(title: str, icon: str, text: str, *, permission: str = "change") -> Callable[[DialogAction], DialogAction]:
    """An action of one row's page, behind a dialog that says what it does."""
    dialog = {"title": title, "description": text, "form_submit_text": title}
    decorate: Callable[[DialogAction], DialogAction] = action(
        description=title, permissions=[permission], icon=icon, dialog=dialog
    )
    return decorate
