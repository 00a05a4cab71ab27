#!/usr/bin/env bash
# Go back to an earlier version of the site. The schema and the data stay as they are.
#   rollback.sh "REASON" [VERSION]                     containers: to VERSION, or to the image before the present one
#   WHERE=kubernetes rollback.sh "REASON" [REVISION]   the site's deployments in NAMESPACE (default: coupon-site)
# rollbacks.log keeps who went back, when, to what and why.
set -euo pipefail
. "$(dirname "$0")/site.sh"

[ $# -gt 0 ] || usage 2
SITE=(web sockets worker importer relay exporter)
reason=$1
target=${2:-}

# The newest image that is not the present one's.
image_before() {
  docker image ls coupon-site --format '{{.Tag}}' | grep -vxF -e "$1" -e '<none>' | head -n 1
}

# In .env, as a whole or not at all.
set_version() {
  local draft=.env.draft
  cp -p .env "$draft"
  { grep -v '^SITE_VERSION=' .env || true; printf 'SITE_VERSION=%s\n' "$1"; } >"$draft"
  mv "$draft" .env
}

case "$WHERE" in
kubernetes)
  for name in "${SITE[@]}"; do
    in_cluster rollout undo "deployment/$name" ${target:+"--to-revision=$target"}
  done
  for name in "${SITE[@]}"; do
    in_cluster rollout status "deployment/$name" --timeout="${WAIT_SECONDS:-300}s"
  done
  target=${target:-the revision before}
  ;;
compose)
  present=$(sed -n 's/^SITE_VERSION=//p' .env | tail -n 1)
  [ -n "$target" ] || target=$(image_before "${present:-dev}") || fail "There is no image to go back to."
  for image in coupon-site coupon-site-nginx; do
    docker image inspect "$image:$target" >/dev/null || fail "There is no image $image:$target here."
  done
  set_version "$target"
  compose up --detach --no-build --no-deps --wait --wait-timeout "${WAIT_SECONDS:-300}" nginx "${SITE[@]}"
  ;;
checkout) fail "Only deployments go back by this: in a checkout use git." 2 ;;
esac

line="$(date -u +%FT%TZ) ${SUDO_USER:-${USER:-unknown}} $target: $reason"
say "$line" >>"${ROLLBACK_LOG:-rollbacks.log}"
say "Back at $line"
