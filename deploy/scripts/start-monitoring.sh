#!/usr/bin/env bash
# Start the monitoring, and the site with it where it runs in containers; then wait until it is ready.
#   start-monitoring.sh
# In Kubernetes: applies deploy/k8s/overlays/OVERLAY (default: prod), and shows what there is of the monitoring.
# In a checkout: Debian's Prometheus, Alertmanager and exporters beside `make run`, until Ctrl-C.
set -euo pipefail
. "$(dirname "$0")/site.sh"

if [ "$WHERE" = checkout ]; then
  exec "$PYTHON" manage.py monitoring start "$@"
fi
if [ "$WHERE" = kubernetes ]; then
  kubectl apply --kustomize "deploy/k8s/overlays/${OVERLAY:-prod}"
  in_cluster get pods,services,configmaps --selector component=monitoring
  exit
fi

compose config --quiet
compose up --detach --wait --wait-timeout "${WAIT_SECONDS:-300}"
compose ps
port() { sed -n "s/^$1=//p" .env | tail -n 1; }
grafana=$(port GRAFANA_PORT) prometheus=$(port PROMETHEUS_PORT) alertmanager=$(port ALERTMANAGER_PORT)
say "Grafana       http://127.0.0.1:${grafana:-3001}/"
say "Prometheus    http://127.0.0.1:${prometheus:-9090}/"
say "Alertmanager  http://127.0.0.1:${alertmanager:-9093}/"
say "Then ask it:  deploy/scripts/verify-monitoring.sh"
