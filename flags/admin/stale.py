"""The list of flags that may go."""

from typing import Any, cast

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from flags.models import Flag
from flags.queries import flags_with_last_change
from flags.rights import Rights
from flags.staleness import stale_flags


def page_of_stale(request: HttpRequest) -> dict[str, Any]:
    """Each flag with every reason, and what the reader may do about it."""
    found, rights = stale_flags(timezone.now()), Rights.of(cast(User, request.user))
    flags = {flag.pk: flag for flag in flags_with_last_change().filter(pk__in=[each.flag.pk for each in found])}
    rows: list[tuple[Flag, Any, bool]] = [
        (flags[each.flag.pk], each.reasons, rights.may_change(each.flag.key)) for each in found
    ]
    return {"title": "Flags that may go", "rows": rows}
