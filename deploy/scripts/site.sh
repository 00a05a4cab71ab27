# shellcheck shell=bash
# What the scripts share: where the site runs, and how its commands are run there. Not run by itself.
#   WHERE=compose | kubernetes | checkout   (default: compose where there is an .env and a docker, else this checkout)

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT" || exit 2

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s\n' "$*" >&2
  exit "${2:-1}"
}

# The comment at the top of the script that was called.
usage() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit "${1:-0}"
}

case "${1:-}" in -h | --help) usage ;; esac

if [ -z "${WHERE:-}" ]; then
  WHERE=checkout
  if [ -f .env ] && command -v docker >/dev/null; then WHERE=compose; fi
fi

case "$WHERE" in
compose)
  command -v docker >/dev/null || fail "There is no docker here: install it, or WHERE=checkout." 2
  ;;
kubernetes)
  command -v kubectl >/dev/null || fail "There is no kubectl here." 2
  ;;
checkout)
  PYTHON=${PYTHON:-.venv/bin/python}
  [ -x "$PYTHON" ] || fail "There is no $PYTHON: \`make run\` makes it, or set PYTHON." 2
  ;;
*) fail "WHERE is compose, kubernetes or checkout, not $WHERE." 2 ;;
esac

# The files that .env names, or all that one needs.
FILES=${COMPOSE_FILE:-$(sed -n 's/^COMPOSE_FILE=//p' .env 2>/dev/null | tail -n 1)}
FILES=${FILES:-docker-compose.yml:deploy/compose/monitoring.yml}

compose() { COMPOSE_FILE=$FILES docker compose "$@"; }

# With Prometheus' administration open, and the service `ops` that backups run in.
compose_ops() { COMPOSE_FILE=$FILES:deploy/compose/ops.yml docker compose "$@"; }

in_cluster() { kubectl --namespace "${NAMESPACE:-coupon-site}" "$@"; }

# One of the site's commands: manage.py …
manage() {
  case "$WHERE" in
  compose) compose exec -T web python manage.py "$@" ;;
  kubernetes) in_cluster exec deployment/web -- python manage.py "$@" ;;
  checkout) "$PYTHON" manage.py "$@" ;;
  esac
}

# Where Alertmanager is for those commands, when it is not on the same machine.
alertmanager() {
  if [ "$WHERE" != checkout ]; then say "--alertmanager=http://alertmanager:9093"; fi
}
