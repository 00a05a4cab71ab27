#!/usr/bin/env bash
# Put a backup back, or try it out beside what runs.
#   restore-monitoring.sh BACKUP|latest --drill     try it: nothing that runs is touched
#   restore-monitoring.sh BACKUP|latest --check     compare its files with its manifest
#   restore-monitoring.sh BACKUP|latest [--force]   stop what would write, restore, migrate, start again
# In containers BACKUP is a name in the folder `backups` of this checkout. See manage.py monitoring restore --help.
set -euo pipefail
. "$(dirname "$0")/site.sh"

[ $# -gt 0 ] || usage 2
if [ "$WHERE" = checkout ]; then
  exec "$PYTHON" manage.py monitoring restore "$@"
fi
[ "$WHERE" = compose ] || fail "In Kubernetes a restore is a Job of your own: see docs/monitoring/backup.md." 2

backup=$1
shift
[ "$backup" = latest ] || backup=/backups/$(basename "$backup")
restore() {
  compose_ops run --rm --no-deps ops python manage.py monitoring restore "$backup" --from /backups \
    --prometheus http://prometheus:9090 --prometheus-data /prometheus \
    --alertmanager http://alertmanager:9093 --alertmanager-data /alertmanager "$@"
}

compose_ops build --quiet ops
case " $* " in *" --drill "* | *" --check "*)
  restore "$@"
  exit
  ;;
esac

restore --check
compose stop nginx web sockets worker importer relay exporter prometheus alertmanager
restore "$@" || fail "Nothing was started again: read the line above, then \`docker compose up -d\`."
compose up --detach --wait
manage reconcile
