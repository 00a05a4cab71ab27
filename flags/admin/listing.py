"""What the list shows of each flag beyond its row: everything of a page in a few statements."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, cast

from django.contrib.admin.utils import quote
from django.http import HttpRequest
from django.utils import timezone
from unfold.views import ChangeList

from accounts.models import User
from flags.admin.rollout import is_for_everybody
from flags.choices import PlanState
from flags.definition import Definition
from flags.models import Flag, PlannedChange
from flags.queries import definitions
from flags.rights import Rights
from flags.staleness import stale_flags

Mark = tuple[str, str, str]


class FlagChangeList(ChangeList):
    """Adds `definition`, `marks` and `may_change` to the flags of the page."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        flags: list[Any] = list(self.result_list)
        found = definitions(Flag.objects.filter(pk__in=[flag.pk for flag in flags]))
        planned, stale = plans_of(flags), self.stale_marks()
        rights = Rights.of(cast(User, request.user))
        for flag in flags:
            flag.may_change = rights.may_change(flag.key)
            flag.definition = found[flag.key]
            kind = (flag.kind, flag.get_kind_display(), "What kind of flag it is")
            flag.marks = [kind, *marks_of(flag.definition), *planned[flag.pk], *stale.get(flag.pk, [])]
        self.result_list = flags

    def stale_marks(self) -> dict[int, list[Mark]]:
        """Flag → a badge that says why it may go; counts them all for the link to their list."""
        found = stale_flags(timezone.now())
        self.stale_count = len(found)
        return {each.flag.pk: [("stale", "may go", "; ".join(r.label for r in each.reasons))] for each in found}

    def url_for_result(self, result: Flag) -> str:
        return f"{quote(result.pk)}/change/"

    @property
    def is_untouched(self) -> bool:
        """Whether nobody has searched or filtered."""
        return not (self.query or self.has_active_filters)


def marks_of(definition: Definition) -> Iterator[Mark]:
    """Badges that the definition itself gives."""
    if definition.protected:
        yield "protected", "protected", "Turning it on or widening it needs a second person"
    if definition.guard:
        yield "guard", "guarded", f"Turned off when one fires: {', '.join(definition.guard)}"
    if any(rule.percent < 100 and is_for_everybody(rule) for rule in definition.rules) and definition.enabled:
        yield "rolling", "rolling out", "Some get it, some do not yet"


def plans_of(flags: Sequence[Flag]) -> dict[int, list[Mark]]:
    """Flag → a badge of the next thing that is planned."""
    marks: dict[int, list[Mark]] = defaultdict(list)
    waiting = PlannedChange.objects.open().filter(flag__in=[flag.pk for flag in flags])
    for plan in waiting.order_by("run_at"):
        if not marks[plan.flag_id]:
            waits = plan.state == PlanState.PROPOSED
            text = "waits for approval" if waits else f"planned {plan.run_at:%-d %b %H:%M}"
            marks[plan.flag_id].append(("planned", text, f"{plan.run_at:%Y-%m-%d %H:%M} UTC {plan.reason}"))
    return marks
