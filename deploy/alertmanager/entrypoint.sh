#!/bin/sh
# Starts Alertmanager with settings from the environment, each as NAME or, in a file, as NAME_FILE.
#   entrypoint.sh render       only write the configuration below $ALERTMANAGER_RUN (/run/alertmanager)
#   entrypoint.sh [options]    the same, then become Alertmanager with these options
set -eu
umask 077

SECRETS="SLACK_WEBHOOK_URL SLACK_WEBHOOK_URL_PAYMENTS SLACK_WEBHOOK_URL_BUSINESS SLACK_WEBHOOK_URL_CRITICAL
  SLACK_WEBHOOK_URL_WARNING SMTP_PASSWORD ALERTS_TOKEN HEARTBEAT_TOKEN"
WRITTEN="DISCORD_WEBHOOK_URL HEARTBEAT_URL SITE_ALERTS_URL SITE_GUARD_URL SMTP_SMARTHOST SMTP_FROM SMTP_USERNAME SMTP_REQUIRE_TLS
  ALERT_EMAIL_TO SLACK_CHANNEL_DEFAULT SLACK_CHANNEL_PAYMENTS SLACK_CHANNEL_BUSINESS SLACK_CHANNEL_CRITICAL
  SLACK_CHANNEL_WARNING QUIET_HOURS QUIET_HOURS_ZONE"

source=$(dirname "$0")
export run="${ALERTMANAGER_RUN:-/run/alertmanager}"
mkdir -p "$run/templates"

refuse() {
  echo "alertmanager: $1" >&2
  exit 2
}

# The value of a setting, without the line break that ends a file.
read_setting() {
  eval "value=\${$1:-} file=\${$1_FILE:-}"
  if [ -z "$value" ] && [ -n "$file" ]; then
    value=$(cat "$file") || refuse "$1_FILE can't be read"
  fi
  case $value in *"
"*) refuse "$1 has more than one line" ;; esac
  case $1 in *_URL | *_URL_*) case $value in '' | http://?* | https://?*) ;; *) refuse "$1 is no address" ;; esac ;; esac
}

for name in $SECRETS $WRITTEN; do
  read_setting "$name"
  export "$name=$value"
done
if [ -n "$ALERT_EMAIL_TO" ] && { [ -z "$SMTP_SMARTHOST" ] || [ -z "$SMTP_FROM" ]; }; then
  refuse "ALERT_EMAIL_TO needs SMTP_SMARTHOST and SMTP_FROM"
fi

for name in $SECRETS; do
  file=$run/$(echo "$name" | tr '[:upper:]' '[:lower:]')
  eval "printf %s \"\$$name\"" >"$file"
  [ -s "$file" ] || rm "$file"
done
cp "$source"/templates/*.tmpl "$run/templates/"
awk -f "$source/render.awk" "$source/alertmanager.yml" >"$run/alertmanager.yml"

[ "${1:-}" = render ] && exit 0
# shellcheck disable=SC2086  # a list of names
unset $SECRETS $WRITTEN
exec "${ALERTMANAGER:-alertmanager}" --config.file="$run/alertmanager.yml" "$@"
