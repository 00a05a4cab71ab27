"""What the cells of the list show."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from flags.admin.rollout import percent_text, rollout, targeted, variant_names
from flags.choices import FlagType
from flags.definition import OFF, ON, Definition
from flags.models import Flag

COLOURS = 6


def name(flag: Flag) -> SafeString:
    """The name, and what it is for."""
    return format_html(
        '<div><span class="flag-name">{}</span><span class="flag-about">{}</span></div>', flag.key, flag.description
    )


def switch(flag: Flag, *, may_change: bool) -> str:
    """A button that says what it is to screen readers, and its state in words."""
    if flag.archived_at is not None:
        return "archived"
    return format_html(
        '<div class="flag-cell"><button type="button" role="switch" class="flag-switch" aria-checked="{}"'
        ' aria-label="{}" data-url="{}" data-protected="{}" {}></button>'
        '<span class="flag-state">{}</span><span class="flag-error" role="alert"></span>'
        '<span class="flag-note" role="status"></span></div>',
        "true" if flag.enabled else "false",
        flag.key,
        reverse("admin:flags_flag_toggle", args=[flag.pk]),
        "true" if flag.protected else "false",
        "" if may_change else "disabled",
        "on" if flag.enabled else "off",
    )


def bar(definition: Definition) -> SafeString:
    """What those get whom no rule singles out, and how many rules single somebody out."""
    parts, rules = rollout(definition), targeted(definition)
    said = [*sentences(definition, parts), *([f"{rules} rule{'s'[: rules > 1]} before"] if rules else [])]
    return format_html(
        '<div class="flag-rollout" data-off="{}"><span class="flag-bar" role="img" aria-label="{}">{}</span>'
        '<span class="flag-percent">{}</span></div>',
        "false" if definition.enabled else "true",
        ("" if definition.enabled else "when on: ") + ", ".join(said),
        pieces(definition, parts),
        " + ".join(short(definition, parts, rules)),
    )


def sentences(definition: Definition, parts: dict[str, float]) -> Iterator[str]:
    for variant, percent in parts.items():
        yield f"{percent_text(percent)} {variant or 'the default of the code'}"


def short(definition: Definition, parts: dict[str, float], rules: int) -> Iterator[str]:
    """Of booleans how many get "on", else the variant that most get."""
    if definition.type == FlagType.BOOLEAN:
        yield percent_text(parts.get(ON, 0.0))
    else:
        yield max(parts, key=parts.__getitem__) or "default" if len(parts) == 1 else f"{len(parts)} variants"
    if rules:
        yield f"{rules} rule{'s'[: rules > 1]}"


def pieces(definition: Definition, parts: dict[str, float]) -> SafeString:
    names = variant_names(definition)
    return format_html_join(
        "",
        '<span class="flag-part" data-colour="{}" style="inline-size:{}%" title="{} {}"></span>',
        ((colour(variant, names), percent, variant, percent_text(percent)) for variant, percent in parts.items()),
    )


def colour(variant: str, names: tuple[str, ...]) -> str:
    """One of the style sheet's: "on", "off", a number, or "none"."""
    if variant in {ON, OFF}:
        return variant
    return str(names.index(variant) % COLOURS) if variant in names else "none"


def badges(marks: Iterable[tuple[str, str, str]]) -> SafeString:
    """(kind, text, what it means) each."""
    spans = format_html_join("", '<span class="flag-badge" data-kind="{0}" title="{2}">{1}</span>', marks)
    return format_html('<div class="flag-badges">{}</div>', spans)


def changed(flag: Any) -> SafeString:
    return format_html(
        '<div><span class="flag-changed">{}</span><span class="flag-about">{}</span></div>',
        last_change(flag),
        flag.changed_reason,
    )


def last_change(flag: Any) -> str:
    """When and by whom: of a row of `flags_with_last_change`."""
    return f"{ago(flag.changed_at)} by {flag.changed_by or flag.changed_source or 'nobody known'}"


def ago(moment: datetime) -> str:
    long_ago = timezone.now() - moment >= timedelta(minutes=1)
    return f"{timesince(moment, depth=1)} ago" if long_ago else "just now"
