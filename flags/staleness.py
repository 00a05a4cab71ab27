"""Flags that may go: somebody should look, then remove the code and archive the flag."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min

from flags.choices import LIFETIME_DAYS, FlagKind, StaleReason
from flags.models import CodeReference, Flag, FlagChange, FlagUsage

QUIET = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Stale:
    """A flag, and every reason why it may go."""

    flag: Flag
    reasons: tuple[StaleReason, ...]

    def __str__(self) -> str:
        return f"{self.flag.key}: {'; '.join(reason.label for reason in self.reasons)}"


@dataclass(frozen=True)
class Evidence:
    """What is known of all flags in use, by key. No usage and no references at all is no evidence."""

    at: datetime
    usage_since: datetime | None
    answers: Mapping[int, set[str]]
    changed_at: Mapping[int, datetime]
    referenced: frozenset[str]


def stale_flags(at: datetime) -> list[Stale]:
    """Every living flag that may go, by name; five statements for any number of flags."""
    evidence = gather(at)
    found = [Stale(flag, tuple(reasons_of(flag, evidence))) for flag in Flag.objects.living().order_by("key")]
    return [stale for stale in found if stale.reasons]


def gather(at: datetime) -> Evidence:
    answers: dict[int, set[str]] = defaultdict(set)
    recent = FlagUsage.objects.filter(day__gt=(at - QUIET).date(), count__gt=0)
    for flag, variant in recent.values_list("flag", "variant").distinct():
        answers[flag].add(variant)
    first = FlagUsage.objects.aggregate(first=Min("day"))["first"]
    return Evidence(
        at=at,
        usage_since=first and datetime(first.year, first.month, first.day, tzinfo=at.tzinfo),
        answers=answers,
        changed_at=dict(FlagChange.objects.filter(segment=None).values_list("flag").annotate(Max("created_at"))),
        referenced=frozenset(CodeReference.objects.values_list("key", flat=True)),
    )


def reasons_of(flag: Flag, evidence: Evidence) -> Iterator[StaleReason]:
    at = evidence.at
    lifetime = LIFETIME_DAYS.get(FlagKind(flag.kind))
    if flag.review_at is not None and flag.review_at <= at:
        yield StaleReason.REVIEW
    if lifetime is not None and flag.created_at + timedelta(days=lifetime) <= at:
        yield StaleReason.LIFETIME
    if is_quiet(evidence.usage_since, at) and is_quiet(flag.created_at, at):
        variants = evidence.answers.get(flag.pk, set())
        if not variants:
            yield StaleReason.SILENT
        # A switch for emergencies and a right are there to stay as they are.
        elif len(variants) == 1 and lifetime is not None and is_quiet(evidence.changed_at.get(flag.pk), at):
            yield StaleReason.SETTLED
    # A flag may be made before the code that asks for it arrives.
    if evidence.referenced and flag.key not in evidence.referenced and is_quiet(flag.created_at, at):
        yield StaleReason.UNREFERENCED


def is_quiet(since: datetime | None, at: datetime) -> bool:
    return since is not None and since + QUIET <= at
