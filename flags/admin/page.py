"""The page of one flag."""

from typing import Any, cast

import msgspec
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from flags.admin import cells
from flags.admin.history import SHOWN, history_of
from flags.admin.listing import marks_of
from flags.admin.planned import plans_of
from flags.admin.usage import usage_of
from flags.admin.words import OPERATORS, label_of
from flags.choices import FlagKind, FlagType
from flags.definition import AT_RANDOM, BY_DEFAULT, Definition
from flags.models import CodeReference, Flag, Segment, Variant
from flags.queries import definition_of, flags_with_last_change
from flags.rights import Rights
from flags.services.edits import plain

STICKINESS = [
    (BY_DEFAULT, "the user, else the session"),
    ("userId", "the user"),
    ("sessionId", "the session"),
    ("remoteAddress", "the address"),
    (AT_RANDOM, "nobody: by chance at each check"),
]
CONTEXT_FIELDS = [
    *("userId", "sessionId", "emailDomain", "isStaff", "groups", "remoteAddress", "currentTime"),
    *("appName", "environment", "appVersion", "country"),
]
ACTS = ("save", "preview", "explain", "plan", "ramp")
TABS = {
    "targeting": "Targeting",
    "variants": "Variants",
    "overrides": "Overrides",
    "prerequisites": "Prerequisites",
    "planned": "Planned changes",
    "history": "History",
    "use": "Use",
    "about": "About",
}
EDITED = ("targeting", "variants", "overrides", "prerequisites")


def page_of(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Everything that the page of a flag shows."""
    flag: Any = flags_with_last_change().get(pk=pk)
    definition, rights = definition_of(flag.key), Rights.of(cast(User, request.user))
    may_change = rights.may_change(flag.key) and flag.archived_at is None
    everything = "everything" in request.GET
    plans = plans_of(flag, cast(User, request.user), rights)
    return {
        "title": flag.key,
        "flag": flag,
        "tabs": TABS,
        "edited": EDITED,
        "context_fields": CONTEXT_FIELDS,
        "switch": cells.switch(flag, may_change=may_change),
        "changed": cells.changed(flag),
        "marks": list(marks_of(definition)),
        "may_change": may_change,
        "may_put_away": rights.may_change(flag.key),
        "plans": plans,
        "waiting": sum(planned.is_open for planned in plans),
        "history": history_of(flag, everything=everything),
        "more_history": not everything and flag.changes.count() > SHOWN,
        "references": CodeReference.objects.filter(key=flag.key),
        "usage": usage_of(flag),
        "data": {
            "flag": plain(definition),
            "version": flag.version,
            "mayChange": may_change,
            "urls": {act: reverse(f"admin:flags_flag_{act}", args=[pk]) for act in ACTS},
            "known": known(),
        },
    }


def page_of_new() -> dict[str, Any]:
    """The same page, for a flag that is not there yet."""
    return {
        "title": "New flag",
        "flag": None,
        "tabs": {name: TABS[name] for name in ("about", *EDITED)},
        "edited": EDITED,
        "context_fields": CONTEXT_FIELDS,
        "may_change": True,
        "data": {
            "flag": msgspec.to_builtins(Definition(key="")),
            "version": 0,
            "mayChange": True,
            "urls": {
                "save": reverse("admin:flags_flag_create"),
                **{act: reverse(f"admin:flags_flag_{act}_new") for act in ("preview", "explain")},
            },
            "known": known(),
        },
    }


def known() -> dict[str, Any]:
    """What may be chosen from."""
    variants: dict[str, list[str]] = {}
    for flag, variant in Variant.objects.order_by("position").values_list("flag__key", "key"):
        variants.setdefault(flag, []).append(variant)
    keys = Flag.objects.living().order_by("key").values_list("key", flat=True)
    return {
        "operators": [*OPERATORS.items()],
        "segments": [*Segment.objects.living().values("key", "description")],
        "flags": [{"key": key, "variants": variants.get(key, [])} for key in keys],
        "kinds": FlagKind.choices,
        "types": FlagType.choices,
        "stickiness": STICKINESS,
        "labels": {name: label_of(name) for name in Definition.__struct_fields__},
    }
