from django.urls import path

from flags.api import FlagHistoryView, FlagListView, FlagView

urlpatterns = [
    path("flags/", FlagListView.as_view(), name="flag-list"),
    path("flags/<str:name>", FlagView.as_view(), name="flag"),
    path("flags/<str:name>/history", FlagHistoryView.as_view(), name="flag-history"),
]
