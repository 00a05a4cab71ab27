"""The HTTP interfaces of the servers that watch the site: Prometheus, Alertmanager, Grafana."""

from monitoring.remote.alertmanager import Alertmanager
from monitoring.remote.grafana import Grafana
from monitoring.remote.prometheus import Prometheus
from monitoring.remote.server import RemoteError

__all__ = ["Alertmanager", "Grafana", "Prometheus", "RemoteError"]
