#!/usr/bin/env bash
# Ask the running stack whether all of it works: a line for each question, exit status 1 when one fails.
#   verify-monitoring.sh [--buy] [--only AREA …] [--public URL] [--grafana URL]   (see manage.py monitoring verify --help)
set -euo pipefail
. "$(dirname "$0")/site.sh"

if [ "$WHERE" = checkout ]; then
  exec "$PYTHON" manage.py monitoring verify "$@"
fi

# Names on the networks that the web process is on.
manage monitoring verify --web http://backend:8000 --sockets http://sockets:8000 \
  --worker http://worker:8001 --importer http://importer:8003 --relay http://relay:8004 --exporter http://exporter:9501 \
  --prometheus http://prometheus:9090 --alertmanager http://alertmanager:9093 "$@"
