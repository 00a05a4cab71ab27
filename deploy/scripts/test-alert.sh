#!/usr/bin/env bash
# Send a made-up alert, and say which receivers it went to and whether they took it.
#   test-alert.sh [--severity critical|warning|info] [--category payments|business]
set -euo pipefail
. "$(dirname "$0")/site.sh"

# shellcheck disable=SC2046  # one word or none
manage monitoring test-alert $(alertmanager) "$@"
