#!/usr/bin/env bash
# Back up the database, uploads, Prometheus, Alertmanager and the configuration, while everything runs.
#   backup-monitoring.sh [--keep N] [--only PART …]   (see manage.py monitoring backup --help)
# In containers backups go to the folder `backups` of this checkout: let it be a mount of another disk.
set -euo pipefail
. "$(dirname "$0")/site.sh"

if [ "$WHERE" = checkout ]; then
  exec "$PYTHON" manage.py monitoring backup "$@"
fi
[ "$WHERE" = compose ] || fail "In Kubernetes a backup is a Job of your own: see docs/monitoring/backup.md." 2

# Prometheus takes snapshots only as long as this lasts.
closed() { compose up --detach --no-deps prometheus >/dev/null; }
mkdir -p backups
compose_ops build --quiet ops
trap closed EXIT
compose_ops up --detach --no-deps --wait prometheus
compose_ops run --rm --no-deps ops python manage.py monitoring backup --to /backups \
  --prometheus http://prometheus:9090 --prometheus-data /prometheus --alertmanager-data /alertmanager "$@"
