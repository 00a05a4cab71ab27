from django.urls import path

from flags.api import (
    FlagExplanationView,
    FlagHistoryView,
    FlagListView,
    FlagPlansView,
    FlagRevertView,
    FlagView,
    GuardView,
    PlanApprovalView,
    PlanCancellationView,
)
from flags.ofrep.views import EvaluateFlagsView, EvaluateFlagView

urlpatterns = [
    path("flags/", FlagListView.as_view(), name="flag-list"),
    path("flags/hooks/alertmanager", GuardView.as_view(), name="flag-guard"),
    path("flags/plans/<uuid:id>/approve", PlanApprovalView.as_view(), name="flag-plan-approve"),
    path("flags/plans/<uuid:id>/cancel", PlanCancellationView.as_view(), name="flag-plan-cancel"),
    path("flags/<str:name>", FlagView.as_view(), name="flag"),
    path("flags/<str:name>/history", FlagHistoryView.as_view(), name="flag-history"),
    path("flags/<str:name>/revert", FlagRevertView.as_view(), name="flag-revert"),
    path("flags/<str:name>/explain", FlagExplanationView.as_view(), name="flag-explain"),
    path("flags/<str:name>/plan", FlagPlansView.as_view(), name="flag-plans"),
]
page_urlpatterns = [
    path("ofrep/v1/evaluate/flags", EvaluateFlagsView.as_view(), name="ofrep-flags"),
    path("ofrep/v1/evaluate/flags/<path:key>", EvaluateFlagView.as_view(), name="ofrep-flag"),
]
