"""REST: flags as a plain dictionary, one of them, its history, why it answers what it does, and what is planned."""

from flags.api.explanations import FlagExplanationView
from flags.api.flags import FlagListView, FlagView
from flags.api.guard import GuardView
from flags.api.history import FlagHistoryView, FlagRevertView
from flags.api.plans import FlagPlansView, PlanApprovalView, PlanCancellationView

__all__ = [
    "FlagExplanationView",
    "FlagHistoryView",
    "FlagListView",
    "FlagPlansView",
    "FlagRevertView",
    "FlagView",
    "GuardView",
    "PlanApprovalView",
    "PlanCancellationView",
]
