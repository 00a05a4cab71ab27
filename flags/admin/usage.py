"""How often a flag answered what."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Max, Sum
from django.utils import timezone

from flags.admin.cells import colour
from flags.admin.rollout import BOOLEAN
from flags.choices import FlagType
from flags.models import Flag, FlagUsage

DAYS = 14


@dataclass(frozen=True, slots=True)
class Row:
    """One variant's answers."""

    variant: str
    colour: str
    count: int
    percent: float
    last_seen_at: datetime
    days: list[tuple[date, int, float]]  # the day, its answers, their height in percent of the highest


def usage_of(flag: Flag) -> list[Row]:
    """The last two weeks, the most frequent variant first."""
    first = timezone.now().date() - timedelta(days=DAYS - 1)
    rows = FlagUsage.objects.filter(flag=flag, day__gte=first)
    counts: dict[str, dict[date, int]] = defaultdict(dict)
    for variant, day, count in rows.values_list("variant", "day").annotate(Sum("count")):
        counts[variant][day] = count
    seen = dict(rows.values_list("variant").annotate(Max("last_seen_at")))
    total = sum(sum(days.values()) for days in counts.values())
    highest = max((count for days in counts.values() for count in days.values()), default=0) or 1
    names = BOOLEAN if flag.type == FlagType.BOOLEAN else tuple(flag.variants.values_list("key", flat=True))
    found = [
        Row(
            variant=variant,
            colour=colour(variant, names),
            count=sum(days.values()),
            percent=100 * sum(days.values()) / (total or 1),
            last_seen_at=seen[variant],
            days=[
                (day, days.get(day, 0), 100 * days.get(day, 0) / highest)
                for day in (first + timedelta(days=number) for number in range(DAYS))
            ],
        )
        for variant, days in counts.items()
    ]
    return sorted(found, key=lambda row: -row.count)
