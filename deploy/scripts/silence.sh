#!/usr/bin/env bash
# Silence alerts for a while, for maintenance.
#   silence.sh ALERT --for 2h --comment "Planned maintenance" [--match service=web]
#   silence.sh --list
#   silence.sh --end ID
set -euo pipefail
. "$(dirname "$0")/site.sh"

[ $# -gt 0 ] || usage 2
# shellcheck disable=SC2046  # one word or none
manage monitoring silence $(alertmanager) --by "${SUDO_USER:-${USER:-operator}}" "$@"
