from django.urls import path
from rest_framework.routers import SimpleRouter

from monitoring import views
from monitoring.api import AlertViewSet, NotificationView, ReconciliationView

router = SimpleRouter()
router.register("alerts", AlertViewSet, basename="alert")

urlpatterns = [
    *router.urls,
    path("reconciliation/", ReconciliationView.as_view(), name="reconciliation"),
]
page_urlpatterns = [
    path("", views.live_dashboard, name="dashboard"),
    path("admin/reconciliation/", views.reconciliation, name="reconciliation-page"),
    path("dashboard/state", views.dashboard_state, name="dashboard-state"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("metrics", views.metrics, name="metrics"),
    path("livez", views.livez, name="livez"),
    path("readyz", views.readyz, name="readyz"),
    path("health", views.readyz, name="health"),
    path("startupz", views.readyz, name="startupz"),
    path("monitoring/metrics", views.current_metrics, name="monitoring-metrics"),
    path("monitoring/metrics/clear", views.clear_metrics, name="monitoring-metrics-clear"),
    path("monitoring/alerts", NotificationView.as_view(), name="monitoring-alerts"),
    path("monitoring/benchmark", views.benchmark_report, name="monitoring-benchmark"),
    path("monitoring/health", views.readyz, name="monitoring-health"),
]
